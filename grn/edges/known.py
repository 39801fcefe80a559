"""What the other columns of a table of known edges say: which rows are edges, and their signs."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from grn.edges import words
from grn.errors import InputError

logger = logging.getLogger(__name__)

# A table that lists more than this share of its pairs is a whole matrix: 0 is no edge there.
_WHOLE = 0.5


class EdgeColumns(NamedTuple):
    """What was found in the columns beside source and target."""

    is_edge: np.ndarray
    """For each row, whether it is an edge."""
    sign: np.ndarray | None
    """+1, −1, or 0 where it is unknown; None where no column holds signs."""


def known_edges(frame: pd.DataFrame, where: str) -> EdgeColumns:
    """Tell edges from rows labelled as none, and find the signs; log which columns say so.

    Parameters
    ----------
    frame
        A table with `source` and `target`, its other columns as they are.
    where
        What to call the table in messages.

    Raises
    ------
    InputError
        A column of signs or labels holds something else, or a column may hold labels under a
        name that does not say so.
    """
    others = frame.drop(columns=["source", "target"])
    columns = {words.plain(name): name for name in reversed(others.columns)}
    label = _find_label(others, columns, where)
    left = {name: column for name, column in columns.items() if not label or column != label[0]}
    sign = _find_sign(others, left, where)
    is_edge = np.ones(len(frame), dtype=bool)
    used = []
    if label is not None:
        is_edge, used = label[1] == 1, [label[0]]
        logger.info(
            "%s: %d of %d rows are edges, by the column %r (the others are labelled as none)",
            *(where, int(is_edge.sum()), len(frame), label[0]),
        )
    weight = next((columns[name] for name in words.WEIGHT if name in columns), None)
    if weight is not None and sign is None:
        sign, present = _from_weights(frame, weight, where)
        if label is None:
            is_edge = present
    if sign is not None:
        used += sign[0]
        _log_signs(sign[1][is_edge], sign[0], where)
    if label is None:
        _ask_about_labels(others.drop(columns=[c for c in used if c in others]), sign, where)
    if not is_edge.any():
        msg = f"{where}: no row is an edge by its own column of labels or weights. Expected some."
        raise InputError(msg)
    return EdgeColumns(is_edge, None if sign is None else sign[1])


_Named = tuple[str, np.ndarray]
_Signs = tuple[list[str], np.ndarray]


def _find_label(frame: pd.DataFrame, columns: dict[str, str], where: str) -> _Named | None:
    """Return the column that labels rows as edges, and 1 or 0 for each row."""
    for name in (n for n in words.LABEL + words.MAYBE_LABEL if n in columns):
        column = columns[name]
        found = frame[column].map(words.value)
        labels = found.map(words.LABELS)
        values = set(found)
        # Positive and negative are signs of an `interaction`, and labels elsewhere.
        in_words = name in words.MAYBE_SIGN and not values <= {"0", "1"}
        if not labels.isna().any() and not (in_words and values <= {*words.SIGNS}):
            return column, labels.to_numpy(dtype=int)
        if name in words.LABEL:
            if values <= {*words.SIGNS} and any(
                word.isalpha() for word in values - {*words.LABELS}
            ):
                continue  # a label of an edge in words, such as activates
            wrong = frame[column][labels.isna()].iloc[0]
            msg = (
                f"{where}: {str(wrong)!r} in the column {column!r} says neither that a row is an "
                "edge nor that it is none. Expected 1 and 0, or true and false, in every row. "
                "Rewrite the column, or rename it: a column of 1 and -1 that are activation and "
                "repression is called sign."
            )
            raise InputError(msg)
    return None


def _find_sign(frame: pd.DataFrame, columns: dict[str, str], where: str) -> _Signs | None:
    """Return the columns that hold the signs, and +1, −1 or 0 for each row."""
    for name in (n for n in words.SIGN + words.MODE if n in columns):
        column = columns[name]
        signs = _signs(frame[column], real=name in words.MODE)
        if signs.isna().any():
            _refuse_sign(frame[column][signs.isna()].iloc[0], column, where)
        return [column], signs.to_numpy(dtype=int)
    for plus, minus in words.FLAGS:
        if plus in columns and minus in columns:
            flags = [frame[columns[c]].map(words.value).map(words.LABELS) for c in (plus, minus)]
            if not any(flag.isna().any() for flag in flags):
                sign = (flags[0] - flags[1]).to_numpy(dtype=int)  # both or neither: unknown
                return [columns[plus], columns[minus]], sign
    for name in (n for n in words.MAYBE_SIGN + words.LABEL if n in columns):
        column = columns[name]
        values = frame[column].map(words.value)
        if values.isin(["0", "1"]).all():
            continue  # as likely labels
        signs = _signs(frame[column], real=bool(values.str.startswith("-").any()))
        if not signs.isna().any():
            if (signs != 0).any():
                return [column], signs.to_numpy(dtype=int)
        elif signs.notna().any() and name in words.MAYBE_SIGN and (signs.fillna(0) != 0).any():
            _refuse_sign(frame[column][signs.isna()].iloc[0], column, where)
    return None


def _signs(values: pd.Series, *, real: bool) -> pd.Series:
    """Return the sign that each value means, NaN where it is none; of numbers where `real`."""
    signs = values.map(words.value).map(words.SIGNS)
    if real and signs.isna().any():
        numbers = pd.to_numeric(values, errors="coerce")
        signs = signs.where(signs.notna(), np.sign(numbers))
    return signs


def _refuse_sign(wrong: object, column: str, where: str) -> None:
    msg = (
        f"{where}: {str(wrong)!r} in the column {column!r} is no sign. Expected 1, -1, +, -, "
        "activation or repression (0, unknown or empty where unknown) in every row. Rewrite the "
        "column or leave it out."
    )
    raise InputError(msg)


def _from_weights(
    frame: pd.DataFrame, column: str, where: str
) -> tuple[_Signs | None, np.ndarray]:
    """Return the signs of weights, where some are negative, and which rows are edges by them.

    Weights that are all above 0 are confidences, or a 1 for every edge, and say no sign.
    """
    weight = pd.to_numeric(frame[column], errors="coerce")
    present = np.ones(len(frame), dtype=bool)
    if weight.isna().all():
        signs = _signs(frame[column], real=False)
        usable = not signs.isna().any() and bool((signs != 0).any())
        return ([column], signs.to_numpy(dtype=int)) if usable else None, present
    zero = (weight == 0).to_numpy()
    signed = bool((weight < 0).any())
    n_pairs = frame["source"].nunique() * frame["target"].nunique()
    if zero.any() and (not signed or len(frame) > _WHOLE * n_pairs):
        present = ~zero
        logger.warning(
            "%s: %d rows have %s 0 and are not edges. If 0 means an unknown sign, call "
            "the column sign.",
            *(where, int(zero.sum()), column),
        )
    sign = np.sign(weight.fillna(0)).to_numpy(dtype=int)
    return ([column], sign) if signed else None, present


def _log_signs(sign: np.ndarray, columns: Sequence[str], where: str) -> None:
    logger.info(
        "%s: signs from %s: %d activations, %d repressions, %d unknown",
        where,
        " and ".join(map(repr, columns)),
        *(int((sign == kind).sum()) for kind in (1, -1, 0)),
    )


def _ask_about_labels(frame: pd.DataFrame, sign: _Signs | None, where: str) -> None:
    """Refuse a table whose one more column may label rows as none; warn where there are several.

    `0` and `1` under a name that nobody documents may be anything, and the rows that hold 0 are
    edges or not: to take them for edges in silence is what must not happen.
    """
    skipped = {*words.NEITHER, *words.WEIGHT, *words.IMPORTANCE}
    skipped |= {name for pair in words.FLAGS for name in pair}
    asked = []
    for column in frame:
        if words.plain(column) in skipped:
            continue
        values = set(frame[column].map(words.value).unique())
        if values <= {*words.LABELS} and len({words.LABELS[value] for value in values}) == 2:
            asked.append(str(column))
    if not asked:
        return
    said = (
        f"{where}: the column {', '.join(map(repr, asked))} holds two values, such as 0 and 1. "
        "Where it says which rows are edges, call it label: those of 0 or false are then none. "
    )
    if len(asked) == 1 and sign is None:
        raise InputError(said + "Else remove it: every row is then an edge.")
    logger.warning("%sNow every row is taken for an edge.", said)
