"""Bars are for people who wait: on a terminal or in a notebook, for long steps, one at a time."""

import io
import logging
import multiprocessing
import sys
import time
from contextlib import redirect_stderr
from types import SimpleNamespace

import pytest

from grn import progress
from grn.progress import in_notebook, ticking, track


class Terminal(io.StringIO):
    """What a terminal would show."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_SECONDS_TO_WAIT", 0.0)


def shown(stderr: io.StringIO) -> str:
    """Return what a step of four parts shows there."""
    with redirect_stderr(stderr):
        assert list(track(range(4), "reading cells")) == [0, 1, 2, 3]
    return stderr.getvalue()


@pytest.mark.usefixtures("no_delay")
def test_a_terminal_shows_what_is_done_and_how_long_the_rest_takes() -> None:
    said = shown(Terminal())
    assert "reading cells:   0 % |" in said
    assert "0 of 4, ? left" in said
    assert said.endswith("\r")  # the line is empty again for what comes next


@pytest.mark.usefixtures("no_delay")
def test_parts_are_counted_as_they_are_done() -> None:
    terminal = Terminal()
    with redirect_stderr(terminal), ticking("transformer", 8) as tick:
        for _ in range(6):
            tick()
            time.sleep(0.03)
    said = [line for line in terminal.getvalue().split("\r") if "transformer:" in line]
    done = [int(line.partition(" of 8")[0].rpartition(" ")[2]) for line in said]
    assert done[0] == 0
    assert 0 < done[-1] <= 6
    assert done == sorted(done)


def test_a_step_of_less_than_five_seconds_has_no_bar() -> None:
    assert shown(Terminal()) == ""


@pytest.mark.usefixtures("no_delay")
def test_files_and_logs_have_no_bar() -> None:
    assert shown(io.StringIO()) == ""


@pytest.mark.usefixtures("no_delay")
def test_processes_that_work_for_another_have_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = SimpleNamespace(name="LokyProcess-1")
    with monkeypatch.context() as patch:
        patch.setattr(multiprocessing, "current_process", lambda: worker)
        assert shown(Terminal()) == ""
    monkeypatch.setenv("LOCAL_RANK", "1")  # a further process of a training
    assert shown(Terminal()) == ""
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert "reading cells" in shown(Terminal())


@pytest.mark.usefixtures("no_delay")
def test_inside_the_bar_of_a_benchmark_there_is_no_other() -> None:
    from rich.console import Console
    from rich.progress import Progress

    terminal = Terminal()
    rich = Progress(console=Console(file=terminal, force_terminal=True))
    with redirect_stderr(terminal), rich:
        list(track(range(4), "reading cells"))
    assert "reading cells" not in terminal.getvalue()


@pytest.mark.usefixtures("no_delay")
def test_a_notebook_has_a_bar_though_it_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class ZMQInteractiveShell:
        """The name by which a kernel of Jupyter is told."""

    monkeypatch.setitem(
        sys.modules, "IPython", SimpleNamespace(get_ipython=ZMQInteractiveShell)  # type: ignore[arg-type]
    )  # fmt: skip
    assert "reading cells:" in shown(io.StringIO())


def test_notebooks_of_others_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shell:
        """A kernel of Colab or Databricks, or a terminal of IPython."""

    monkeypatch.setitem(
        sys.modules, "IPython", SimpleNamespace(get_ipython=Shell)  # type: ignore[arg-type]
    )  # fmt: skip
    assert not in_notebook()
    with monkeypatch.context() as patch:
        patch.setattr(Shell, "__module__", "google.colab._shell")
        assert in_notebook()
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "15.4")
    assert in_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()  # a script


@pytest.mark.usefixtures("no_delay")
def test_lines_of_the_log_stand_above_the_bar() -> None:
    terminal = Terminal()
    handlers = logging.root.handlers
    logging.root.handlers = [logging.StreamHandler(terminal)]
    try:
        with redirect_stderr(terminal):
            for number in track(range(2), "reading cells"):
                logging.getLogger("grn").warning("cell %d", number)
    finally:
        logging.root.handlers = handlers
    lines = terminal.getvalue().split("\n")
    assert [line.rpartition("\r")[2] for line in lines[:2]] == ["cell 0", "cell 1"]


@pytest.mark.usefixtures("no_delay")
def test_an_error_takes_the_bar_away() -> None:
    def fail() -> None:
        with ticking("reading cells", 2):
            msg = "of the step"
            raise ValueError(msg)

    terminal = Terminal()
    with redirect_stderr(terminal), pytest.raises(ValueError, match="of the step"):
        fail()
    assert terminal.getvalue().endswith("\r")
