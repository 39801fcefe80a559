import logging

import pytest

from grn.benchmark.progress import Progress


def test_a_line_per_job_says_how_many_are_left(caplog: pytest.LogCaptureFixture) -> None:
    with Progress(5) as progress:
        progress.drop(2)
        progress.show("one")
        progress.done("one", 1.25)
        progress.done("two", None)
        progress.done("three", 60)
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["one: 1.2 s (job 1 of 3)", "three: 60.0 s (job 3 of 3)"]
    assert progress.n_run == 3


def test_others_only_warn_while_it_is_open(caplog: pytest.LogCaptureFixture) -> None:
    other = logging.getLogger("grn.data.reading")
    with caplog.at_level(logging.INFO):
        with Progress(1):
            other.info("chatter")
            other.warning("trouble")
        other.info("afterwards")
    assert [record.getMessage() for record in caplog.records] == ["trouble", "afterwards"]
