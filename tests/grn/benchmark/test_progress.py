import logging

import pytest

from grn.benchmark.progress import Progress


def test_a_line_per_job_says_how_many_are_left(caplog: pytest.LogCaptureFixture) -> None:
    message = "broken"
    with Progress(5) as progress:
        progress.drop(2)
        with progress.job("one"):
            pass
        with pytest.raises(ValueError, match=message), progress.job("two"):
            raise ValueError(message)
        with progress.job("three"):
            pass
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(":")[0] for line in lines] == ["one", "three"]
    assert lines[0].endswith("s (job 1 of 3)")
    assert lines[1].endswith("s (job 3 of 3)")
    assert progress.n_run == 3


def test_others_only_warn_while_it_is_open(caplog: pytest.LogCaptureFixture) -> None:
    other = logging.getLogger("grn.data.reading")
    with caplog.at_level(logging.INFO):
        with Progress(1):
            other.info("chatter")
            other.warning("trouble")
        other.info("afterwards")
    assert [record.getMessage() for record in caplog.records] == ["trouble", "afterwards"]
