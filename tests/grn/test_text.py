import codecs
import gzip
import zlib
from pathlib import Path

import pytest

from grn.text import open_text, short

TEXT = "TF,gene\r\nSOX2,Krt5\r\n"
PLAIN = [
    TEXT.encode(),
    TEXT.encode("utf-8-sig"),
    TEXT.encode("utf-16"),
    codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    TEXT.encode("utf-16-le"),
    TEXT.encode("utf-16-be"),
]


def read(path: Path) -> str:
    with open_text(path) as text:
        return text.read()


@pytest.mark.parametrize("data", PLAIN)
def test_encodings_plain_and_zipped_whatever_the_name(tmp_path: Path, data: bytes) -> None:
    for name in ("x.csv", "x.csv.gz"):
        for content in (data, gzip.compress(data)):
            (tmp_path / name).write_bytes(content)
            assert read(tmp_path / name) == TEXT


def test_letters_beyond_ascii_and_empty_files(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    for encoding in ("utf-8", "utf-16"):
        path.write_bytes("β-catenin\n".encode(encoding))
        assert read(path) == "β-catenin\n"
    path.write_bytes(b"")
    assert read(path) == ""


def test_what_is_no_text_raises(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(gzip.compress(TEXT.encode() * 100)[:-9])
    with pytest.raises((EOFError, zlib.error)):
        read(path)
    path.write_bytes(bytes(range(255, 0, -1)))
    with pytest.raises(UnicodeError):
        read(path)


@pytest.mark.parametrize(
    ("value", "shown"),
    [("0.0123456", "0.0123"), ("1e-05", "1e-05"), ("123456", "123456"), ("adam", "adam")],
)
def test_numbers_are_shortened_and_words_are_not(value: str, shown: str) -> None:
    assert short(value) == shown
