"""Runs one subcommand, and turns its outcome into an exit code and one readable message."""

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Sequence

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
from grn.errors import InputError, causes

# Subcommands whose arguments Hydra parses.
_WITH_HYDRA = {
    "train": train.train,
    "benchmark": benchmark.benchmark,
    "pretrain": pretrain.pretrain,
}
DONE, OUR_BUG, USER_CAN_FIX, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 is success, 1 a bug of this program, 2 a problem that the user can fix, 130 an interrupt.
    """
    # On a shared machine, threads that spin while they wait cost more than they gain.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    _log_to_stderr()
    try:
        if arguments and arguments[0] in _WITH_HYDRA:
            _WITH_HYDRA[arguments[0]](arguments[1:])
        else:
            options = _parser(next(iter(arguments), "")).parse_args(arguments)
            options.command(options)
        return DONE
    except KeyboardInterrupt as stopped:
        goes_on = arguments and arguments[0] in ("benchmark", "pretrain")
        what = "continues from what is complete" if goes_on else "starts again"
        print(str(stopped) or f"interrupted; the same command {what}", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the exit code tells a bug from a user error
        fixable = _is_fixable(error)
        if debug or not fixable:
            traceback.print_exc()
        if fixable:
            print(f"grn: {_message(error)}", file=sys.stderr)
            return USER_CAN_FIX
        print(
            "grn: this is a bug of ours; please report it with the lines above.", file=sys.stderr
        )
        return OUR_BUG


class _Plain(logging.Formatter):
    """Formats messages without their level, except warnings and errors."""

    def format(self, record: logging.LogRecord) -> str:
        said = super().format(record)
        return said if record.levelno < logging.WARNING else f"{record.levelname.lower()}: {said}"


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Plain("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _parser(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command, or of all commands if there is none of that name."""
    parser = argparse.ArgumentParser(
        prog="grn",
        description="Signed gene regulatory networks from single-cell data.",
        epilog="examples:\n\n"
        "  grn infer cells.h5ad --tfs human --output result\n"
        "  grn show result --gene GATA1\n"
        "  grn infer --help\n\n"
        "Exit codes: 0 success, 1 a bug of ours, 2 a problem you can fix, 130 interrupted.",
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


def _is_fixable(error: Exception) -> bool:
    """Return whether the user can fix an error: an `InputError`, or a setting of a wrong value.

    Hydra wraps every error of a configured constructor. Errors that a wrong setting causes there
    can be fixed by the user; any other error is a bug.
    """
    from_settings = ("hydra.", "omegaconf.", "lightning.")
    *_, first = chain = list(causes(error))
    if any(isinstance(cause, InputError) for cause in chain):
        return True
    if type(first).__module__.startswith(from_settings):
        return True
    wrapped = first is not error and type(error).__module__.startswith("hydra.")
    return wrapped and isinstance(first, TypeError | ValueError | ImportError)


def _message(error: Exception) -> str:
    """Return the readable part of an error: a wrapped `InputError`, or the message of Hydra."""
    chain = list(causes(error))
    ours = next((cause for cause in chain if isinstance(cause, InputError)), None)
    if ours is not None:
        return str(ours)
    first_line = (str(chain[-1]).strip() or repr(chain[-1])).splitlines()[0]
    said = str(error).strip()
    return said if first_line in said else f"{said}: {first_line}"
