"""Text matrices: separators, headers, gzip, and the first wrong field by name."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grn.data.reading.read_text import read_text_matrix
from grn.errors import InputError


def write(folder: Path, text: str, name: str = "cells.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_separator_is_found_whatever_the_suffix(tmp_path: Path, separator: str) -> None:
    text = "id,c1,c2\nA,1,2.5\nB,0,3e1\n".replace(",", separator)
    table = read_text_matrix(write(tmp_path, text, "x.txt"))
    assert table.corner == "id"
    assert table.row_names == ["A", "B"]
    assert table.column_names == ["c1", "c2"]
    assert table.values.dtype == np.float32
    np.testing.assert_array_equal(table.values, [[1, 2.5], [0, 30]])


def test_quotes_windows_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    table = read_text_matrix(write(tmp_path, '\ufeff"","c 1","c2"\r\n"A",1,2\r\n"B",3,4\r\n'))
    assert (table.corner, table.column_names, table.row_names) == ("", ["c 1", "c2"], ["A", "B"])
    np.testing.assert_array_equal(table.values, [[1, 2], [3, 4]])


def test_header_of_r_is_one_field_shorter(tmp_path: Path) -> None:
    table = read_text_matrix(write(tmp_path, "c1\tc2\tc3\nA\t1\t2\t3\nB\t4\t5\t6\n", "r.tsv"))
    assert table.column_names == ["c1", "c2", "c3"]
    assert table.row_names == ["A", "B"]
    np.testing.assert_array_equal(table.values, [[1, 2, 3], [4, 5, 6]])


def test_matrix_without_row_names(tmp_path: Path) -> None:
    table = read_text_matrix(write(tmp_path, "G1\tG2\n0.5\t1\n0.5\t2\n0.25\t3\n", "d.tsv"))
    assert table.row_names is None
    assert table.column_names == ["G1", "G2"]
    np.testing.assert_array_equal(table.values, [[0.5, 1], [0.5, 2], [0.25, 3]])


def test_numbers_as_row_names_stay_text(tmp_path: Path) -> None:
    table = read_text_matrix(write(tmp_path, "id,G1,G2\n001,1,2\n002,3,4\n"))
    assert table.row_names == ["001", "002"]


@pytest.mark.parametrize("corner", ["", "cell"])
def test_names_that_other_readers_take_for_values(tmp_path: Path, corner: str) -> None:
    table = read_text_matrix(write(tmp_path, f"{corner},NA,1\nnan,1,2\nNA,3,4\n1.5,5,6\n"))
    assert table.row_names == ["nan", "NA", "1.5"]
    assert table.column_names == ["NA", "1"]
    np.testing.assert_array_equal(table.values, [[1, 2], [3, 4], [5, 6]])


def test_decimals_without_a_header_word_are_no_names(tmp_path: Path) -> None:
    table = read_text_matrix(write(tmp_path, "G1,G2\n0.5,1\n0.25,2\n"))
    assert table.row_names is None
    np.testing.assert_array_equal(table.values, [[0.5, 1], [0.25, 2]])
    named = read_text_matrix(write(tmp_path, "gene,c1\n0.5,1\n0.25,2\n"))
    assert named.row_names == ["0.5", "0.25"]


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("name", ["a,b,c;d", "a,", ";;;", 'say "a, b"', "x;y,"])
def test_separators_and_quotes_inside_names(tmp_path: Path, separator: str, name: str) -> None:
    frame = pd.DataFrame([[1, 2], [3, 4]], index=[name, "s"], columns=["x", name])
    frame.to_csv(tmp_path / "x.csv", sep=separator)
    table = read_text_matrix(tmp_path / "x.csv")
    assert (table.row_names, table.column_names) == ([name, "s"], ["x", name])
    np.testing.assert_array_equal(table.values, frame)


def test_repeated_column_names_are_kept(tmp_path: Path) -> None:
    assert read_text_matrix(write(tmp_path, ",A,A\nx,1,2\n")).column_names == ["A", "A"]


def test_gzip_equals_plain(tmp_path: Path) -> None:
    text = ",c1,c2\nA,1,2\nB,3,4\n"
    plain = read_text_matrix(write(tmp_path, text))
    zipped = tmp_path / "cells.csv.gz"
    zipped.write_bytes(gzip.compress(text.encode()))
    np.testing.assert_array_equal(read_text_matrix(zipped).values, plain.values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (",c1,c2\n", "header and no rows"),
        ("gene\nA\nB\n", "single field"),
        (",c1,c2\nA,1,2,3,4\n", "header has 3 fields, the first row 5"),
        (",c1,c2\nA,1,2\nB,high,3\n", r"'high' in row 'B', column 'c1'"),
        (",c1,type\nA,1,T cell\nB,2,B cell\n", r"'T cell' in row 'A', column 'type'"),
        (",c1,ok\nA,1,True\nB,2,False\n", r"'True' in row 'A', column 'ok'"),
        (";c1;c2\nA;1,5;2\n", r"'1,5'.*write decimals with a point"),
        (";c1;c2\nA;1;2\nB;1;-2,5e3\n", r"'-2,5e3'.*write decimals with a point"),
        ("\tc1\tc2\nA\t0,5\t1,5\n", r"'0,5' in row 'A', column 'c1' \(write decimals with a"),
        (",c1,c2\nA,1,5,2,5\n", "3 fields, the first row 5.*write decimals with a point"),
        (",c1,c2\nA,1,2\nB,3\nC,4,5\n", "line 3 has 2 fields, the first row 3"),
        (",c1,c2\nA,1,2\n\nB,3,4,5\n", "line 4 has 4 fields, the first row 3"),
        (",c1,c2\nA,1,2\n,3,4\n", "line 3 has no name"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_text_matrix(write(tmp_path, text))


def test_empty_fields_are_missing_values_for_preprocess_to_judge(tmp_path: Path) -> None:
    table = read_text_matrix(write(tmp_path, ",c1,c2\nA,1,\nB,2,inf\n"))
    np.testing.assert_array_equal(np.isfinite(table.values), [[True, False], [True, False]])
