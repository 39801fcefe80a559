"""Sends the messages of a command to stderr, since stdout holds the result."""

import logging

from grn.errors import readable
from grn.launched import launched


class _Plain(logging.Formatter):
    """Formats messages without their level, except warnings and errors."""

    def format(self, record: logging.LogRecord) -> str:
        said = readable(super().format(record))  # names of genes may hold anything
        return said if record.levelno < logging.WARNING else f"{record.levelname.lower()}: {said}"


def log_to_stderr() -> None:
    """Show messages; of the further processes of a training only errors, or all came twice."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Plain("%(message)s"))
    level = logging.INFO if launched().is_first else logging.ERROR
    logging.basicConfig(level=level, handlers=[handler], force=True)
