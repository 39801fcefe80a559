"""Records what failed and why, so that the rest of a benchmark continues."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """A job, a network or a whole data set that has no result."""

    what: str
    error: Exception


class Failures:
    """The failures of a benchmark, in order."""

    def __init__(self) -> None:
        self.found: list[Failure] = []

    @contextmanager
    def caught(self, what: str) -> Iterator[None]:
        """Report an exception of the block under this name, and continue after the block."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - all other jobs still run
            self.found.append(Failure(what, error))
            # A traceback helps only with errors of this program; the first is shown at the end.
            logger.error("%s failed: %s: %s", what, type(error).__name__, error)
