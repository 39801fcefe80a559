"""What has no result, and why; the rest of a benchmark goes on."""

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
    """The failures of a benchmark, in the order in which they came."""

    def __init__(self) -> None:
        self.found: list[Failure] = []

    @contextmanager
    def caught(self, what: str) -> Iterator[None]:
        """Report what the block raises, under this name, and go on after the block."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the rest is run
            self.found.append(Failure(what, error))
            # A traceback is of use only where the fault is ours; the first is shown at the end.
            logger.error("%s failed: %s: %s", what, type(error).__name__, error)
