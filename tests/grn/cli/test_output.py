import io
from typing import NoReturn

import pytest

from grn.cli.output import Output
from grn.errors import ReaderGone


class Gone(io.StringIO):
    def write(self, _: str) -> NoReturn:
        raise BrokenPipeError


def test_a_reader_that_has_gone_is_left_to_the_command() -> None:
    with pytest.raises(ReaderGone):
        Output(file=Gone()).print("an edge")


def test_what_is_printed_is_that_of_rich() -> None:
    written = io.StringIO()
    Output(file=written).print("an edge")
    assert written.getvalue() == "an edge\n"
