import logging

import pytest

from grn.benchmark.failures import Failures


def test_what_fails_is_reported_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    failures, message = Failures(), "no luck"
    done = []
    for what in ("one", "two", "three"):
        with failures.caught(what):
            if what == "two":
                raise ValueError(message)
            done.append(what)
    assert done == ["one", "three"]
    assert [(one.what, str(one.error)) for one in failures.found] == [("two", message)]
    assert [record.getMessage() for record in caplog.records] == [
        "two failed: ValueError: no luck"
    ]
    assert caplog.records[0].levelno == logging.ERROR


def test_an_interrupt_is_no_failure() -> None:
    failures = Failures()
    with pytest.raises(KeyboardInterrupt), failures.caught("one"):
        raise KeyboardInterrupt
    assert failures.found == []
