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


@pytest.mark.parametrize(
    "text",
    [
        "gene c1 c2\nA 1 2\nB 3 4\n",
        "  gene   c1  c2 \n  A       1 2\n\n  B       3   4  \n",
        '"gene" "c1" "c2"\n"A" 1 2\n"B" 3 4\n',
        "# made by x\n#gene c1 c2\nA 1 2\nB 3 4\n",
    ],
)
def test_blanks_part_fields_where_nothing_else_does(tmp_path: Path, text: str) -> None:
    read_plain(write(tmp_path, text, "x.txt"))


def test_table_of_r_parted_by_blanks(tmp_path: Path) -> None:
    table = read_text_matrix(write(tmp_path, '"c 1" "c2"\n"A" 1 NA\n"B b" 3 4\n', "x.txt"))
    assert (table.column_names, table.row_names) == (["c 1", "c2"], ["A", "B b"])
    np.testing.assert_array_equal(table.values, [[1, np.nan], [3, 4]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gene c1 c2\nA 1 2 \n\nB 3\nC 5 6\n", "line 4 has 2 fields, the first row 3"),
        ("gene c1 c2\nA 1 2\nB 3 4 5\n", "line 3 has 4 fields, the first row 3"),
        ("gene c1 c2\nA high 2\nB 3 4\n", r"'high' in row 'A', column 'c1'"),
        ("gene name\nA\nB\n", "single field"),
    ],
)
def test_what_is_wrong_between_blanks_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_text_matrix(write(tmp_path, text))


PLAIN = "gene,c1,c2\nA,1,2\nB,3,4\n"


def read_plain(path: Path, tfs: list[str] | None = None) -> None:
    table = read_text_matrix(path, tfs or [])
    assert (table.corner, table.row_names, table.column_names) == (
        "gene",
        ["A", "B"],
        ["c1", "c2"],
    )
    np.testing.assert_array_equal(table.values, [[1, 2], [3, 4]])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("name", ["cells.csv", "cells.csv.gz"])
def test_encodings_of_spreadsheets(tmp_path: Path, encoding: str, name: str) -> None:
    content = PLAIN.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if "gz" in name else content)
    read_plain(tmp_path / name)


@pytest.mark.parametrize(
    "before",
    ["# made by x\n", "#a,b,c\n#\n", "\n\n", "# a, b\n\n# c; d\n", "#"],
)
def test_lines_before_the_header(tmp_path: Path, before: str) -> None:
    read_plain(write(tmp_path, before + PLAIN))
    with pytest.raises(InputError, match=f"line {before.count(chr(10)) + 3} has 2 fields"):
        read_text_matrix(write(tmp_path, before + PLAIN.replace("B,3,4", "B,3")))


def test_rows_may_begin_like_a_comment(tmp_path: Path) -> None:
    table = read_text_matrix(write(tmp_path, "gene,c1,c2\n#1,1,2\nB#,3,4\n"))
    assert table.row_names == ["#1", "B#"]


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("\n", ",\n"),
        PLAIN.replace("\n", ",,,\n"),
        PLAIN.replace("\n", ",\n", 1),
        "gene,c1,c2\nA,1,2,\nB,3,4,\n",
        PLAIN.replace("\n", ",\n") + ",,,\n",
        PLAIN + ",,\n,,\n",
    ],
)
def test_separators_at_the_end_are_no_columns(tmp_path: Path, text: str) -> None:
    read_plain(write(tmp_path, text))
    read_plain(write(tmp_path, text.replace(",", "\t"), "x.tsv"))


def test_last_column_of_r_may_miss_a_value(tmp_path: Path) -> None:
    table = read_text_matrix(write(tmp_path, "c1,c2\nA,1,\nB,3,4\n"))
    assert table.column_names == ["c1", "c2"]
    np.testing.assert_array_equal(table.values, [[1, np.nan], [3, 4]])


UNIQUE = [17, 3, 91, 40, 8]  # counts that are all different


def numbers_under(corner: str, columns: list[str], first: list[object]) -> str:
    rows = [f"{value}," + ",".join("12" for _ in columns) for value in first]
    return "\n".join([",".join([corner, *columns]), *rows]) + "\n"


@pytest.mark.parametrize(
    ("corner", "columns"),
    [
        ("FBgn0000017", ["FBgn0000022", "FBgn0000099"]),
        ("Gen0", ["Gen1", "Gen2"]),
        ("GATA1", ["SPI1", "CEBPA"]),
        ("ENSG00000000003", ["ENSG00000000005", "ENSG00000000419"]),
    ],
)
def test_first_gene_is_not_taken_for_names(
    tmp_path: Path, corner: str, columns: list[str]
) -> None:
    table = read_text_matrix(write(tmp_path, numbers_under(corner, columns, UNIQUE)))
    assert table.row_names is None
    assert table.column_names == [corner, *columns]
    np.testing.assert_array_equal(table.values[:, 0], UNIQUE)


@pytest.mark.parametrize(
    ("corner", "first"),
    [
        ("", UNIQUE),
        ("cell", UNIQUE),
        ("id", UNIQUE),
        ("Unnamed: 0", UNIQUE),
        ("what", [1, 2, 3, 4]),
        ("what", [3, 0, 1, 2]),
        ("what", ["007", "012", "110"]),
    ],
)
def test_numbers_that_are_names(tmp_path: Path, corner: str, first: list[object]) -> None:
    table = read_text_matrix(write(tmp_path, numbers_under(corner, ["SPI1", "CEBPA"], first)))
    assert table.row_names == [str(value) for value in first]


def test_numbers_of_which_nothing_tells(tmp_path: Path) -> None:
    path = write(tmp_path, numbers_under("what", ["SPI1", "CEBPA"], UNIQUE))
    with pytest.raises(InputError, match=r"whether the first column, 'what', holds.*`cell`"):
        read_text_matrix(path)
    assert read_text_matrix(path, tfs=["what", "SPI1"]).row_names is None


@pytest.mark.parametrize(
    "text",
    [
        "A,5,0,0,3,0,1\nB,1,2,0,0,0,1\n",
        "cell0,512,407\ncell1,211,9\n",
        "3,0.5,0.7,1,2,3\n4,0.5,0.2,1,2,3\n",
        "FBgn0000017,512,407\nFBgn0000022,211,9\n",
    ],
)
def test_table_without_a_header(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"has no header: its first line holds numbers"):
        read_text_matrix(write(tmp_path, text))


def test_repeated_column_names_are_kept(tmp_path: Path) -> None:
    assert read_text_matrix(write(tmp_path, ",A,A\nx,1,2\n")).column_names == ["A", "A"]


def test_gzip_equals_plain(tmp_path: Path) -> None:
    text = ",c1,c2\nA,1,2\nB,3,4\n"
    plain = read_text_matrix(write(tmp_path, text))
    zipped = tmp_path / "cells.csv.gz"
    zipped.write_bytes(gzip.compress(text.encode()))
    np.testing.assert_array_equal(read_text_matrix(zipped).values, plain.values)
    zipped.write_text(text)  # the content says whether a file is zipped, not its name
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
