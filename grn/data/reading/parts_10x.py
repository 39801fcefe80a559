"""Finds the files of a 10x sample, and reads those that hold names."""

import csv
import gzip
import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from grn.errors import InputError

MATRIX, BARCODES, FEATURES, GENES = "matrix.mtx", "barcodes.tsv", "features.tsv", "genes.tsv"
SYMBOLS = "genes.names.txt"
# Cell Ranger's and STARsolo's names, those of kb-python (cells_x_genes.mtx and the like) and of
# alevin and alevin-fry (quants_mat.mtx).
ALEVIN = "quants_mat"
_PART = re.compile(
    rf"(.*?)(?:(matrix\.mtx|(?<={ALEVIN})\.mtx|mtx)"
    rf"|(barcodes\.(?:tsv|txt|csv)|(?<={ALEVIN})_rows\.txt)|(features\.(?:tsv|txt|csv))"
    rf"|(genes\.(?:tsv|txt|csv)|(?<={ALEVIN})_cols\.txt)|(genes\.names\.txt))(\.gz)?"
)
_KINDS = (MATRIX, BARCODES, FEATURES, GENES, SYMBOLS)
# Where programs leave a matrix below the folder that they are told to write to, the cells that
# they called before all barcodes: Cell Ranger 3 and later, STARsolo, kb-python, alevin.
_INSIDE = (
    *("filtered_feature_bc_matrix", "outs/filtered_feature_bc_matrix"),
    *("filtered", "Gene/filtered", "Solo.out/Gene/filtered"),
    *("counts_filtered", "counts_unfiltered", "alevin"),
)


class SampleFiles(NamedTuple):
    """The files of one sample: `parts` by what they are (matrix.mtx, …), and their prefix."""

    prefix: str
    parts: dict[str, Path]


def is_hidden(path: Path) -> bool:
    """Return whether a file is left by the operating system, such as the `._` files of macOS."""
    return path.name.startswith(".")


def samples_of(folder: Path) -> list[SampleFiles]:
    """Return the 10x samples of a folder, complete or not; GEO's have a prefix each."""
    found = _parts_in(folder)
    usual = [SampleFiles(*item) for item in found.items() if _is_usual(item[1])]
    if any(MATRIX in sample.parts for sample in usual):
        return usual
    # A matrix of another name, such as counts.mtx or kb's, whose names lie beside it.
    own = [_with_names(found, prefix) for prefix, parts in found.items() if MATRIX in parts]
    return [sample for sample in own if len(sample.parts) > 1] or usual


def sample_of(path: Path) -> SampleFiles | None:
    """Return the sample that a matrix belongs to; None for any other file."""
    match = _PART.fullmatch(path.name)
    if match is None or match[2] is None or is_hidden(path):
        return None
    found = _parts_in(path.parent)
    found[match[1]][MATRIX] = path
    return _with_names(found, match[1])


def folder_inside(folder: Path) -> Path | None:
    """Return the folder below this one where a program left its sample; None: there is none."""
    inside = (folder / name for name in _INSIDE)
    return next((path for path in inside if path.is_dir() and samples_of(path)), None)


def check_complete(folder: Path, prefix: str, parts: dict[str, Path]) -> None:
    """Raise unless a sample has its three files, none of them empty."""
    missing = [name for name in (MATRIX, BARCODES) if name not in parts]
    if FEATURES not in parts and GENES not in parts:
        missing.append(f"{FEATURES} (or {prefix}{GENES})")
    if missing:
        msg = (
            f"{folder} is a 10x folder without {', '.join(prefix + name for name in missing)} "
            f"(plain or .gz). Put the missing file beside {next(iter(parts.values())).name}."
        )
        raise InputError(msg)
    empty = [str(path) for path in parts.values() if path.stat().st_size == 0]
    if empty:
        msg = f"{empty[0]} is empty; write or download it again."
        raise InputError(msg)


def read_names(path: Path) -> pd.DataFrame:
    """Read a table of names as text, without the additions of R.

    These are quotes around every field of a column, and a first column of row numbers.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        lines = [line for line in file.read().splitlines() if line.strip()]
    if ".csv" in path.suffixes and not any("\t" in line for line in lines[:2]):
        rows = list(csv.reader(lines))
    else:
        rows = [line.split("\t") for line in lines]
    table = pd.DataFrame(rows, dtype=object).fillna("").apply(_unquoted)
    return table


def without_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Drop a first column that counts the rows, beside others."""
    counts = [str(number) for number in range(1, len(table) + 1)]
    if table.shape[1] > 1 and len(table) > 1 and table[0].tolist() == counts:
        table = table.drop(columns=0)
        table.columns = range(table.shape[1])
    return table.reset_index(drop=True)


def without_header(table: pd.DataFrame) -> pd.DataFrame:
    """Drop the first row, which names the columns."""
    return table.iloc[1:].reset_index(drop=True)


def _unquoted(column: "pd.Series") -> "pd.Series":
    column = column.str.strip()
    filled = column[column != ""]
    if len(filled) and filled.str.fullmatch(r'".*"').all():
        return column.str.slice(1, -1).str.replace('""', '"', regex=False)
    return column


def _parts_in(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the files of a folder by their prefix and by what they are."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = _PART.fullmatch(path.name)
        if match and not is_hidden(path):
            kind = next(k for k, text in zip(_KINDS, match.groups()[1:], strict=False) if text)
            found.setdefault(match[1], {})[kind] = path
    return found


def _is_usual(parts: dict[str, Path]) -> bool:
    """Tell a sample in the names of 10x; a lone genes.tsv beside other files is none."""
    matrix = parts.get(MATRIX)
    if matrix is not None:
        return "matrix.mtx" in matrix.name
    return sum(".tsv" in path.suffixes for path in parts.values()) > 1


def _with_names(found: dict[str, dict[str, Path]], prefix: str) -> SampleFiles:
    """Give a matrix the names of its own prefix, else of the longest that its own begins with."""
    parts = dict(found[prefix])
    lenders = sorted((p for p in found if p != prefix and prefix.startswith(p)), key=len)
    for lender in reversed(lenders):
        for kind, path in found[lender].items():
            if kind != MATRIX and not (
                kind in (FEATURES, GENES) and {FEATURES, GENES} & set(parts)
            ):
                parts.setdefault(kind, path)
    return SampleFiles(prefix, parts)
