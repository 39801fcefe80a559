"""Opens text files in whatever encoding programs write them, and shortens numbers in a text."""

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_N_SEEN = 64  # bytes by which an encoding without a mark is recognised; chosen by hand


@contextmanager
def open_text(path: Path) -> Iterator[io.TextIOWrapper]:
    """Open a text file, gzip or not, in UTF-8 or UTF-16, with or without a byte order mark.

    Line ends are left as they are. Whether the file is compressed is told from its content, not
    from its name.

    Raises
    ------
    OSError, EOFError, zlib.error, UnicodeError
        While reading: the file is missing, cut short, or no text.
    """
    with path.open("rb") as stream:
        zipped = stream.read(len(_GZIP)) == _GZIP
    with gzip.open(path, "rb") if zipped else path.open("rb") as stream:
        start = stream.read(_N_SEEN)
        stream.seek(0)
        with io.TextIOWrapper(stream, encoding=_encoding(start), newline="") as text:
            yield text


def short(value: str) -> str:
    """Return a value with three digits where it is a number of more.

    >>> short("0.0123456"), short("1e-05"), short("adam")
    ('0.0123', '1e-05', 'adam')
    """
    try:
        return value if value.lstrip("-").isdigit() else f"{float(value):.3g}"
    except ValueError:
        return value


def _encoding(start: bytes) -> str:
    """Return the encoding of a text that starts with these bytes."""
    if start[:2] in _BYTE_ORDER_MARKS:
        return "utf-16"
    # Of names, numbers and separators in UTF-16 one byte of two is 0.
    if start[1::2].count(0) > len(start) / 4:
        return "utf-16-le"
    if start[::2].count(0) > len(start) / 4:
        return "utf-16-be"
    return "utf-8-sig"
