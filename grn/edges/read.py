"""Reads edge lists and known networks, in the spellings of other tools, into one table by name."""

import gzip
import logging
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from grn.errors import InputError

logger = logging.getLogger(__name__)

# In lower case: ours and decoupler's, BEELINE's (Gene1, Gene2, EdgeWeight, Type), arboreto's (TF).
_SOURCE = ("source", "gene1", "tf")
_TARGET = ("target", "gene2")
_WEIGHT = ("weight", "edgeweight")
_IMPORTANCE = ("importance",)
_SIGN = ("sign", "type")
_SIGN_VALUES = {"+": 1, "1": 1, "+1": 1, "1.0": 1, "-": -1, "-1": -1, "-1.0": -1}
_SIGN_VALUES |= dict.fromkeys(("0", "0.0", "", "?", "nan"), 0)
# TRRUST's words; its files have no header.
_MODES = {"activation": 1, "repression": -1, "unknown": 0}
_SIGN_VALUES |= _MODES


def read_edges(edges: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Read a ranked edge list into the table that everything else works on.

    Parameters
    ----------
    edges
        A table, or a CSV/TSV file (gzip or not) with a header: `source, target`, BEELINE's
        `Gene1, Gene2` or arboreto's `TF, target`, and `weight`, `EdgeWeight` or `importance`.

    Returns
    -------
    `source, target, weight, importance` and whatever else the input held; best edge first, ties by
    source then target. Where it had no importance that is |weight|; where it had no weight that is
    the importance. Self-loops are dropped; of a pair given twice the more important row stays.

    Raises
    ------
    InputError
        The file cannot be read, lacks a column, or holds a weight that is not a finite number.
    """
    frame, where = _load(edges)
    names = {"source": _SOURCE, "target": _TARGET, "weight": _WEIGHT, "importance": _IMPORTANCE}
    frame = _rename(frame, names)
    present = [column for column in ("weight", "importance") if column in frame]
    _require(frame, ("source", "target", present[0] if present else "weight"), where)
    for column in present:
        frame[column] = _finite_numbers(frame[column], column, where)
    if "importance" not in frame:
        frame["importance"] = frame["weight"].abs()
    if "weight" not in frame:
        frame["weight"] = frame["importance"]
    pair = _pairs(frame, where)
    # The weight decides only between rows of one pair and one importance.
    order = np.lexsort((-frame["weight"], pair, -frame["importance"]))
    frame = _one_row_per_pair(frame, pair, order, where)
    first = ["source", "target", "weight", "importance"]
    return frame[first + [column for column in frame if column not in first]]


def read_truth(truth: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Read known edges: `source, target` and, where the input has one, `sign` (+1, −1, 0 unknown).

    Parameters
    ----------
    truth
        A table, or a CSV/TSV file (gzip or not) with a header: `source, target[, sign]` or
        BEELINE's `Gene1, Gene2[, Type]`; signs are written 1 and -1, + and - or, as in TRRUST
        (Han et al. 2018), Activation, Repression and Unknown. TRRUST's own files are read too.

    Returns
    -------
    One row per edge, sorted by source and target, without self-loops. An edge given with both
    signs gets sign 0.

    Raises
    ------
    InputError
        The file cannot be read, lacks a column, holds another sign, or has no edge.
    """
    frame, where = _load(truth)
    frame = _rename(frame, {"source": _SOURCE, "target": _TARGET, "sign": _SIGN})
    _require(frame, ("source", "target"), where)
    columns = ["source", "target"]
    if "sign" in frame:
        columns.append("sign")
        sign = frame["sign"].astype(str).str.strip().str.lower().map(_SIGN_VALUES)
        if sign.isna().any():
            found = frame["sign"][sign.isna()].iloc[0]
            msg = (
                f"{where}: {found!r} in the sign column is no sign. Expected 1, -1, + or - "
                "(0 or empty where unknown). Rewrite the column or leave it out."
            )
            raise InputError(msg)
        frame["sign"] = sign.astype(int)
    frame, pair = frame[columns].copy(), _pairs(frame, where)
    if "sign" in frame:
        by_pair = frame["sign"].groupby(pair)
        # +1 and −1 cancel, ±1 and 0 do not.
        frame["sign"] = np.sign(by_pair.transform("max") + by_pair.transform("min"))
    return _one_row_per_pair(frame, pair, np.argsort(pair, kind="stable"), where)


def _load(table: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Read a delimited file as it is, or copy a table; and say what to call it in messages."""
    if isinstance(table, pd.DataFrame):
        return table.reset_index(drop=True), "table"
    path = Path(table)
    if not path.is_file():
        msg = f"{path}: no such file. Give the path of a CSV or TSV file."
        raise InputError(msg)
    try:
        with path.open("rb") as stream:
            zipped = stream.read(2) == b"\x1f\x8b"
        opener = gzip.open if zipped else Path.open
        with opener(path, "rt", encoding="utf-8-sig") as lines:
            header = str(lines.readline())
        # By content, not by suffix: BEELINE's rankedEdges.csv is tab-separated.
        separator = max("\t,;", key=header.count)
        columns = [column.strip().strip('"') for column in header.split(separator)]
        headless = columns[2:3] and columns[2].lower() in _MODES
        if headless:
            columns = ["source", "target", "sign", "reference"][: len(columns)]
        names = [column for column in columns if column.lower() in _SOURCE + _TARGET]
        frame = pd.read_csv(
            path,
            sep=separator,
            header=None if headless else 0,
            names=columns if headless else None,
            compression="gzip" if zipped else None,
            encoding="utf-8-sig",
            dtype=dict.fromkeys(names, str),
            keep_default_na=False,
            skipinitialspace=True,
        )
    except (OSError, EOFError, zlib.error, ValueError) as error:
        msg = (
            f"{path}: cannot be read as a table ({error}). Expected a CSV or TSV file, gzip or "
            "not, with a header line; a download may have been cut short."
        )
        raise InputError(msg) from error
    return frame.reset_index(drop=True), str(path)


def _rename(frame: pd.DataFrame, spellings: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    """Give known columns our names, the first spelling found; drop a written-out row index."""
    found = {str(column).lower(): column for column in reversed(frame.columns)}
    names = {}
    for ours, theirs in spellings.items():
        for spelling in theirs:
            if spelling in found:
                names[found[spelling]] = ours
                break
    frame = frame.rename(columns=names)
    return frame[[c for c in frame if not str(c).startswith("Unnamed:")]].copy()


def _require(frame: pd.DataFrame, columns: tuple[str, ...], where: str) -> None:
    """Refuse a table without these columns, without rows, or with an unnamed gene."""
    missing = [column for column in columns if column not in frame]
    if missing:
        msg = (
            f"{where}: no column {' or '.join(missing)}; found "
            f"{', '.join(map(str, frame.columns))}. "
            "Expected a header line with source, target (or Gene1, Gene2, or TF, target), for "
            "ranked edges also weight, EdgeWeight or importance; known edges may have a sign or "
            "Type."
        )
        raise InputError(msg)
    if frame.empty:
        msg = f"{where}: holds a header and no edge. Expected one row per edge."
        raise InputError(msg)
    for column in ("source", "target"):
        unnamed = frame[column].isna() | (frame[column] == "")
        if unnamed.any():
            msg = (
                f"{where}: {int(unnamed.sum())} rows have no {column}, the first is row "
                f"{int(unnamed.argmax()) + 1}. Every edge needs two gene names: remove these rows."
            )
            raise InputError(msg)
        if pd.api.types.infer_dtype(frame[column]) != "string":
            frame[column] = frame[column].astype(str).astype(object)


def _finite_numbers(values: pd.Series, column: str, where: str) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        msg = (
            f"{where}: {int(wrong.sum())} values of {column} are not finite numbers, the first is "
            f"{str(values[wrong].iloc[0])!r} in row {int(wrong.argmax()) + 1}. Expected a number "
            "in every row: remove the rows without one (unlisted pairs rank last)."
        )
        raise InputError(msg)
    return numbers


def _pairs(frame: pd.DataFrame, where: str) -> np.ndarray:
    """Give each row's pair a number, in order of source then target; −1 for a self-loop."""
    both = np.concatenate([frame["source"], frame["target"]])
    codes, names = pd.factorize(both, sort=True)
    source, target = codes.reshape(2, -1)
    loops = source == target
    if loops.all():
        msg = f"{where}: every edge is a self-loop. Expected edges between two genes."
        raise InputError(msg)
    if loops.any():
        logger.info("%s: %d self-loops dropped", where, int(loops.sum()))
    return np.where(loops, -1, source * len(names) + target)


def _one_row_per_pair(
    frame: pd.DataFrame, pair: np.ndarray, order: np.ndarray, where: str
) -> pd.DataFrame:
    """Put rows in order and keep the first of each pair, without self-loops."""
    order = order[pair[order] >= 0]
    duplicated = pd.Series(pair[order]).duplicated().to_numpy()
    if duplicated.any():
        logger.info("%s: %d duplicated edges dropped", where, int(duplicated.sum()))
    return frame.take(order[~duplicated]).reset_index(drop=True)
