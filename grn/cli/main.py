"""Runs one subcommand, and turns its outcome into an exit code and one readable message."""

import argparse
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn

from grn import __version__
from grn.cli import (
    benchmark,
    compare,
    data,
    doctor,
    evaluate,
    export,
    infer,
    knockout,
    pretrain,
    report,
    show,
    simulate,
    train,
)
from grn.cli.help import HelpFormatter, add_completion, complete_help
from grn.cli.log import log_to_stderr
from grn.errors import (
    DONE,
    USER_CAN_FIX,
    ReaderGone,
    Terminated,
    exit_code,
    explanation,
    first_line,
)
from grn.journal import JOURNAL
from grn.launched import launched

# Subcommands whose arguments Hydra parses.
_WITH_HYDRA = {
    "train": train.train,
    "benchmark": benchmark.benchmark,
    "pretrain": pretrain.pretrain,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 is success, 1 a bug of this program, 2 a problem that the user can fix, 130 an interrupt, 143
    an end asked for by the system, and 141 an output that nobody reads any more.
    """
    # On a shared machine, threads that spin while they wait cost more than they gain.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # The same bits with any number of threads, for which MKL has to be asked before it is loaded.
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    log_to_stderr()
    try:
        with _ended_by_the_system(), _told_when_nobody_reads():
            if arguments and arguments[0] in _WITH_HYDRA:
                _WITH_HYDRA[arguments[0]](arguments[1:])
            else:
                options = _parser(next(iter(arguments), "")).parse_args(arguments)
                options.command(options)
                sys.stdout.flush()  # here, where an error can be told, not when Python exits
        return DONE
    except KeyboardInterrupt as stopped:
        goes_on = arguments and arguments[0] in ("benchmark", "pretrain")
        what = "continues from what is complete" if goes_on else "starts again"
        if launched().is_first:
            print(str(stopped) or f"interrupted; the same command {what}", file=sys.stderr)
        return exit_code(stopped)
    except ReaderGone as error:
        # What is left in the buffer has no reader, and Python would complain of it at its exit.
        with suppress(OSError):  # a stdout that is no file
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_code(error)
    except Exception as error:  # noqa: BLE001 - the exit code tells a bug from a user error
        code = exit_code(error)
        if debug:
            traceback.print_exc()
        said = explanation(error) if code == USER_CAN_FIX else _bug(error, debug=debug)
        who = "" if launched().is_first else " (a further process of the training)"
        print(f"grn{who}: {said}", file=sys.stderr)
        return code


def _bug(error: Exception, *, debug: bool) -> str:
    """Return where an unexpected error arose, and how to report it."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    what = (
        f"{type(error).__name__}: {first_line(error)} ({frame.f_code.co_filename}, line {line})."
    )
    shown = "the lines above" if debug else "what the same command prints with --debug"
    return (
        f"{what}\nThis is a bug of ours, not of yours. Please report {shown}, together with the "
        f"output of grn doctor. The last line of {JOURNAL} in the run folder, if there is one, "
        "has the same lines."
    )


@contextmanager
def _ended_by_the_system() -> Iterator[None]:
    """Turn SIGTERM into an error, so that a run ends as after Ctrl+C and says how to go on."""
    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or before != signal.SIG_DFL:
        yield  # signals are the main thread's, and another handler the caller's
        return
    asked = False

    def end(*_: object) -> NoReturn:
        nonlocal asked
        asked = True
        raise Terminated

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt as stopped:
        # Lightning turns the one into the other.
        raise (Terminated(*stopped.args) if asked else stopped) from stopped
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _told_when_nobody_reads() -> Iterator[None]:
    """Turn a broken pipe into `ReaderGone` where it is that of stdout, not of a worker."""
    try:
        yield
    except BrokenPipeError as error:
        if isinstance(error, ReaderGone) or not _reader_has_gone():
            raise
        raise ReaderGone from error


def _reader_has_gone() -> bool:
    """Return whether stdout is a pipe that nobody reads; what was written to it may be lost."""
    try:
        stdout = select.poll()
        stdout.register(sys.stdout.fileno(), 0)  # errors are told of without being asked for
    except (AttributeError, OSError, ValueError):  # not on this system, or no file
        return not hasattr(select, "poll")
    return any(found & (select.POLLERR | select.POLLHUP) for _, found in stdout.poll(0))


def _parser(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command, or of all commands if there is none of that name."""
    parser = argparse.ArgumentParser(
        prog="grn",
        description="Signed gene regulatory networks from single-cell data.",
        epilog="examples:\n\n"
        "  grn infer cells.h5ad --tfs human --output result\n"
        "  grn show result --gene GATA1\n"
        "  grn infer --help\n\n"
        "Exit codes: 0 success, 1 a bug of ours, 2 a problem you can fix, 130 interrupted, "
        "141 nobody reads the output, 143 ended by the system.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"grn {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("train", help=train.HELP)
    commands.add_parser("benchmark", help=benchmark.HELP)
    commands.add_parser("pretrain", help=pretrain.HELP)
    every = (infer, show, report, export, evaluate, compare, knockout, simulate, data, doctor)
    # A parser may import what only its command needs, as that of `simulate` does.
    asked = [command for command in every if command.__name__ == f"grn.cli.{name}"]
    for command in asked or every:
        command.add_parser(commands)
        own = command.__name__.rpartition(".")[2]
        complete_help(commands.choices[own], own)
    if not asked:
        add_completion(parser)
    return parser
