"""What a library complains of becomes one message with the file and the fix."""

from pathlib import Path

from grn.data.reading.unreadable import cannot_read
from grn.errors import InputError


def test_message_holds_file_kind_first_line_and_fix() -> None:
    error = cannot_read(Path("a/x.h5ad"), "h5ad", OSError("file signature not found.\nmore"))
    assert isinstance(error, InputError)
    expected = "cannot read a/x.h5ad as h5ad: OSError: file signature not found. The file may be"
    assert str(error).startswith(expected)
    assert str(error).endswith("download it again.")
    assert "more" not in str(error)


def test_an_error_without_a_message_is_named() -> None:
    assert "as loom: EOFError. The" in str(cannot_read(Path("x"), "loom", EOFError()))
