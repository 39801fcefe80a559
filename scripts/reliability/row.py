"""One line of the reliability table: what was tried, how often, and how often all went well."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """How often one kind of fault or input was tried, and how often the program came through.

    Attributes
    ----------
    what
        The fault or the kind of input, in words.
    tries, survived
        Numbers of tries, and of those that ended as they should.
    figures
        What was measured on the way (seconds, memory, differences), in words; may be empty.
    """

    what: str
    tries: int
    survived: int
    figures: str = ""
