import pytest

from grn.errors import (
    InputError,
    ReaderGone,
    Terminated,
    causes,
    exit_code,
    explanation,
    first_line,
)


def wrapped(error: Exception, outer: Exception) -> Exception:
    outer.__cause__ = error
    return outer


class HydraError(Exception):
    """Stands for Hydra's own wrapper of the errors of constructors."""


HydraError.__module__ = "hydra.errors"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("mend it"), 2),
        (wrapped(InputError("mend it"), RuntimeError("outer")), 2),
        (wrapped(TypeError("no such setting"), HydraError("outer")), 2),
        (wrapped(ZeroDivisionError("ours"), HydraError("outer")), 1),
        (TypeError("ours"), 1),
        (MemoryError("8 GiB"), 2),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 8 GiB"), 2),
        (RuntimeError("ours"), 1),
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
        (ReaderGone(), 141),
        (BrokenPipeError(), 1),
        (SystemExit(3), 3),
        (SystemExit(None), 0),
        (SystemExit("said"), 1),
    ],
)
def test_every_error_has_an_exit_code(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_the_explanation_is_that_of_the_input_error() -> None:
    assert explanation(wrapped(InputError("mend it"), RuntimeError("outer"))) == "mend it"
    said = explanation(wrapped(TypeError("no such setting"), HydraError("outer")))
    assert said == "outer: no such setting"
    assert "memory ran out (8 GiB)" in explanation(MemoryError("8 GiB"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("one\ntwo"), "one"),
        (ValueError("\n one"), "one"),
        (AssertionError(), "AssertionError()"),
    ],
)
def test_every_error_has_a_first_line(error: Exception, said: str) -> None:
    assert first_line(error) == said


def test_causes_end_where_an_error_is_its_own() -> None:
    error = ValueError("round")
    error.__cause__ = error
    assert list(causes(error)) == [error]


def test_a_message_is_readable_whatever_a_file_holds() -> None:
    assert str(InputError("a\x1b[2Jb\x00 \u202e 30 % – é\nnext")) == (
        "a\\x1b[2Jb\\x00 \\u202e 30 % – é\nnext"
    )
    said = str(InputError(f"start {'x' * 10**6} end"))
    assert said.startswith("start xxx")
    assert said.endswith("xxx end")
    assert len(said) < 2100
