"""Where commands print their result: stdout, whose reader may go before all is written."""

from typing import NoReturn

from rich.console import Console

from grn.errors import ReaderGone


class Output(Console):
    """Prints as rich does, and raises `ReaderGone` if nobody reads any more.

    rich itself would exit with 1, the code of a bug.
    """

    def on_broken_pipe(self) -> NoReturn:
        """Leave the exit code to the command."""
        raise ReaderGone
