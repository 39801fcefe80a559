"""A file with the lines of a Matrix Market file is read as scipy does, or refused."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

from grn.data.reading.matrix_market import read_matrix_market

FIRST = "%%MatrixMarket matrix coordinate {field} general\n%\n7 24 2\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "matrix.mtx"


@pytest.mark.parametrize("field", ["integer", "real", "pattern"])
@pytest.mark.parametrize("zipped", [False, True])
def test_what_scipy_writes_is_read_as_scipy_reads_it(path: Path, field: str, zipped: bool) -> None:
    matrix = sp.random(40, 30, 0.1, random_state=0, dtype=np.float32).tocoo()
    if field == "integer":
        matrix = (10 * matrix).ceil().astype(np.int32)
    scipy.io.mmwrite(path, matrix, field=field, comment="written\nby a test")
    if zipped:
        path.with_name("matrix.mtx.gz").write_bytes(gzip.compress(path.read_bytes()))
        path = path.with_name("matrix.mtx.gz")
    read = read_matrix_market(path)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(
        read.toarray(), scipy.io.mmread(path).toarray().astype(np.float32)
    )


def test_a_dense_matrix_is_stored_column_by_column(path: Path) -> None:
    dense = np.arange(6.0).reshape(2, 3)
    scipy.io.mmwrite(path, dense)
    np.testing.assert_array_equal(read_matrix_market(path).toarray(), dense)


@pytest.mark.parametrize(
    "lines", [" 1  1   2 \r\n 7 22\t4\r\n", "1 1 2\n\n7 22 4", "7 22 4\n1 1 2\n"]
)
def test_blanks_do_not_matter(path: Path, lines: str) -> None:
    path.write_bytes((FIRST.format(field="integer") + lines).encode())
    read = read_matrix_market(path).toarray()
    assert (read.sum(), read[0, 0], read[6, 21]) == (6, 2, 4)


def test_a_matrix_without_entries(path: Path) -> None:
    path.write_text("%%MatrixMarket matrix coordinate real general\n3 2 0\n")
    assert read_matrix_market(path).shape == (3, 2)


def test_fractions_under_an_integer_header_are_kept(path: Path) -> None:
    """scipy 1.17 reads 2.5 as 2 here."""
    path.write_text(FIRST.format(field="integer") + "1 1 2.5\n7 22 1\n")
    assert read_matrix_market(path).max() == 2.5


@pytest.mark.parametrize(
    "last",
    ["7 22 x", "7 22 2bec", "7 22", "7 22 nan", "x", "7 x 2", "7.5 22 2", "8 22 2", "7 25 2",
     "0 1 2", "-1 1 2", "99999999999999999999 1 1", "7 22 1e999", "7 22 2 8", "7 22 2\n1 2 3",
     "", "7 22 4--+E1\tC9"],
)  # fmt: skip
@pytest.mark.parametrize("end", ["", "\n"])
def test_damaged_lines_are_refused(path: Path, last: str, end: str) -> None:
    path.write_text(FIRST.format(field="integer") + f"1 1 2\n{last}{end}")
    with pytest.raises((ValueError, OverflowError)):
        read_matrix_market(path)


@pytest.mark.parametrize("field", ["integer", "real"])
def test_four_numbers_in_every_line_are_refused(path: Path, field: str) -> None:
    path.write_text(FIRST.format(field=field) + "1 1 2 8\n7 22 4 8\n")
    with pytest.raises(Warning, match="loss of data"):
        read_matrix_market(path)


@pytest.mark.parametrize("sign", [1, -1])
def test_square_matrices_that_happen_to_be_symmetric(path: Path, sign: int) -> None:
    """scipy writes half of them."""
    half = np.tril(np.arange(9.0).reshape(3, 3), -1)
    whole = half + sign * half.T + (np.diag([1.0, 0, 2]) if sign == 1 else 0)
    scipy.io.mmwrite(path, sp.coo_matrix(whole))
    assert "symmetric" in path.read_text().splitlines()[0]
    np.testing.assert_array_equal(read_matrix_market(path).toarray(), whole)


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [("coordinate complex general", "2 2 1"), ("coordinate complex hermitian", "2 2 1"),
     ("array real symmetric", "2 2")],
)  # fmt: skip
def test_what_no_cells_have_is_refused(path: Path, kind: str, sizes: str) -> None:
    path.write_text(f"%%MatrixMarket matrix {kind}\n{sizes}\n2 1 3 0\n")
    with pytest.raises(ValueError, match=f"says {kind}"):
        read_matrix_market(path)


def test_a_last_line_that_ends_scipy_does_not_end_us(path: Path) -> None:
    """In a process of its own: `scipy.io.mmread` reads beyond the end here."""
    path.write_bytes((FIRST.format(field="integer") + "1 1 2 8 8\n7 22 4--+E1\tC9").encode())
    code = (
        "import sys, pathlib\nfrom grn.data.reading.matrix_market import read_matrix_market\n"
        "try: read_matrix_market(pathlib.Path(sys.argv[1]))\nexcept ValueError: sys.exit(7)"
    )
    ended = subprocess.run([sys.executable, "-c", code, path], check=False)
    assert ended.returncode == 7
