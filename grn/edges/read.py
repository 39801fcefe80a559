"""Reads edge lists and known networks, in the spellings of other tools, into one table by name."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from grn.edges import words
from grn.edges.known import known_edges
from grn.edges.load import load
from grn.errors import InputError

logger = logging.getLogger(__name__)

# A list of at least so many edges that holds this share of its pairs is hardly one of known edges.
_MANY, _NEARLY_ALL = 100, 0.9


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

    Examples
    --------
    >>> beeline = pd.DataFrame({"Gene1": ["A", "B"], "Gene2": ["B", "C"], "EdgeWeight": [0.2, -1]})
    >>> grn.read_edges(beeline)
      source target  weight  importance
    0      B      C    -1.0         1.0
    1      A      B     0.2         0.2
    """
    frame, where = load(edges)
    names = {"source": words.SOURCE, "target": words.TARGET}
    names |= {"weight": (*words.WEIGHT, words.THIRD), "importance": words.IMPORTANCE}
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

    Further columns are understood by their names, as docs/edge_lists.md lists them, and the log
    says what was taken: labels (`label`, `is_edge`), by which rows of 0 or false are no edges;
    signs (`sign`, `mor`, BEELINE's `Type`, TRRUST's mode, OmniPath's `is_stimulation` and
    `is_inhibition`); and a `weight`, whose signs count where some are negative.

    Parameters
    ----------
    truth
        A table, or a CSV/TSV file (gzip or not): `source, target`, BEELINE's `Gene1, Gene2`, or
        `TF, target`; signs are written 1 and -1, + and - or in words such as Activation and
        Repression. Files without a header, as those of TRRUST (Han et al. 2018), are read too.

    Returns
    -------
    One row per edge, sorted by source and target, without self-loops. An edge given with both
    signs gets sign 0.

    Raises
    ------
    InputError
        The file cannot be read, lacks a column, holds another sign or label, or has no edge.

    Examples
    --------
    >>> beeline = pd.DataFrame({"Gene1": ["A", "A"], "Gene2": ["B", "C"], "Type": ["+", "-"]})
    >>> grn.read_truth(beeline)
      source target  sign
    0      A      B     1
    1      A      C    -1
    """
    frame, where = load(truth)
    frame = _rename(frame, {"source": words.SOURCE, "target": words.TARGET})
    _require(frame, ("source", "target"), where)
    is_edge, sign = known_edges(frame, where)
    frame = frame[["source", "target"]].copy()
    if sign is not None:
        frame["sign"] = sign
    frame = frame[is_edge].reset_index(drop=True)
    pair = _pairs(frame, where)
    if "sign" in frame:
        by_pair = frame["sign"].groupby(pair)
        # +1 and −1 cancel, ±1 and 0 do not.
        frame["sign"] = np.sign(by_pair.transform("max") + by_pair.transform("min"))
    frame = _one_row_per_pair(frame, pair, np.argsort(pair, kind="stable"), where)
    _warn_of_nearly_all(frame, where)
    return frame


def _rename(frame: pd.DataFrame, spellings: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    """Give known columns our names, the first spelling found."""
    found = {words.plain(column): column for column in reversed(frame.columns)}
    names = {}
    for ours, theirs in spellings.items():
        for spelling in theirs:
            if spelling in found and found[spelling] not in names:
                names[found[spelling]] = ours
                break
    # OmniPath's own `source` and `target`, UniProt ids, make way for the symbols.
    taken = [c for c in frame if c in names.values() and c not in names]
    return frame.drop(columns=taken).rename(columns=names)


def _warn_of_nearly_all(edges: pd.DataFrame, where: str) -> None:
    """Warn of a ranking of every pair that is given as known edges."""
    genes = {*edges["source"], *edges["target"]}
    n_pairs = edges["source"].nunique() * (len(genes) - 1)
    if len(edges) >= _MANY and len(edges) > _NEARLY_ALL * n_pairs:
        logger.warning(
            "%s: lists %d of the %d pairs of its regulators and genes, and each counts as a known "
            "edge. If it is a ranking, cut it to its best edges; if it has negatives too, name "
            "the column that says so label (1, 0).",
            *(where, len(edges), n_pairs),
        )


def _require(frame: pd.DataFrame, columns: tuple[str, ...], where: str) -> None:
    """Refuse a table without these columns, without rows, or with an unnamed gene."""
    missing = [column for column in columns if column not in frame]
    if missing:
        msg = (
            f"{where}: no column {' or '.join(missing)}; found "
            f"{', '.join(map(str, frame.columns))}. "
            "Expected a header line with source, target (or Gene1, Gene2, or TF, target), for "
            "ranked edges also weight, EdgeWeight or importance; known edges may have a sign, "
            "Type or label."
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
