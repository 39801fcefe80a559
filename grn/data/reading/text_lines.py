"""Reads the first lines of a text matrix: encoding, comments, header, and separator."""

import csv
from pathlib import Path
from typing import NamedTuple

from grn.errors import InputError
from grn.text import open_text

# A run of blanks parts fields too, as R's write.table and columns that are aligned have it, where
# none of the others does.
BLANK = " "
_SEPARATORS = ("\t", ",", ";", BLANK)
_MISSING = {"", "na", "nan", "null", "none", "n/a", "<na>"}
_COMMENT = "#"


class FirstLines(NamedTuple):
    """Start of a table."""

    skipped: int
    """Lines before the header: comments and empty ones."""
    header: list[str]
    first: list[str]
    """The first row of values."""
    separator: str


def read_first_lines(path: Path) -> FirstLines:
    """Find the header, the first row and the separator of their fields.

    Lines before the header that are empty or start with `#` are passed over, unless the last of
    them has the fields of the row that follows: then it is the header.

    Raises
    ------
    InputError
        There are no such lines, or the header has a single field.
    """
    before: list[str] = []
    with open_text(path) as file:
        lines = (line.rstrip("\r\n") for line in file)
        header = ""
        for header in lines:
            if header.strip() and not header.startswith(_COMMENT):
                break
            before.append(header)
            header = ""
        first = next((line for line in lines if line.strip()), "")
    if (last := _header_among(before, header)) is not None:
        skipped, header, first = last, before[last].removeprefix(_COMMENT), header
    else:
        skipped = len(before)
    if not header.strip() or not first:
        what = "is empty" if not header.strip() else "has a header and no rows"
        msg = f"{path} {what}; expected a header line of names and rows of numbers."
        raise InputError(msg)
    separator = _separator(path, header, first)
    return FirstLines(skipped, split(header, separator), split(first, separator), separator)


def split(line: str, separator: str) -> list[str]:
    """Split one line into fields, minding quotes; a run of blanks parts two, as one does."""
    if separator == BLANK:
        line = line.strip()
    reader = csv.reader([line], delimiter=separator, skipinitialspace=True)
    return [field.strip() for field in next(reader)]


def without_empty_end(fields: list[str]) -> list[str]:
    """Drop the empty fields that separators at the end of a line make; the first one stays."""
    n_fields = len(fields)
    while n_fields > 1 and not fields[n_fields - 1]:
        n_fields -= 1
    return fields[:n_fields]


def _header_among(before: list[str], row: str) -> int | None:
    """Return which line before a row of numbers is its header behind a `#`; None: no such line."""
    place = next((i for i in reversed(range(len(before))) if before[i].strip()), None)
    if place is None:
        return None
    for separator in _SEPARATORS:
        names, values = (split(line, separator) for line in (before[place], row))
        if len(names) == len(values) > 1 and all(map(_is_number, values[1:])):
            return place
    return None


def _separator(path: Path, header_line: str, first_line: str) -> str:
    """Return the separator of the fields; names may contain any of them, numbers may not."""
    present = [separator for separator in _SEPARATORS[:-1] if separator in header_line]
    if not present and _are_parted_by_blanks(header_line, first_line):
        return BLANK
    if not present:
        msg = (
            f"{path} is not an expression matrix: its first line has a single field "
            f"({header_line[:40]!r}). Expected a header of names and numbers below, separated by "
            "comma, tab, semicolon or blanks."
        )
        raise InputError(msg)
    for separator in present:
        first, names = split(first_line, separator), split(header_line, separator)
        more = {len(first) - len(names), len(without_empty_end(first)) - len(names)}
        more.add(len(first) - len(without_empty_end(names)))
        if more & {0, 1} and len(first) > 1 and all(map(_is_number, first[1:])):
            return separator
    # Something is wrong with the first row: the message will speak of the likeliest reading.
    return max(present, key=header_line.count)


def _are_parted_by_blanks(header_line: str, first_line: str) -> bool:
    """Tell a table from a list of names of several words."""
    n_names, n_fields = len(split(header_line, BLANK)), len(split(first_line, BLANK))
    return n_fields > 1 and n_fields - n_names in (0, 1)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return field.lower() in _MISSING
    return True
