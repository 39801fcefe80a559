"""Kinds of perturbation: knock-out, knock-down, activation, as people write them."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grn.data.preprocessing.control_words import is_control, is_unknown
from grn.errors import InputError
from grn.interventions import ACTIVATION, DOSES, KNOCK_DOWN, KNOCK_OUT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jaxtyping import Bool

# Without spaces, hyphens and underscores, in lower case.
_WORDS = {
    KNOCK_OUT: "ko knockout crispr crisprko crisprcas9 crisprcut cas9 deletion",
    KNOCK_DOWN: "kd knockdown crispri crisprinterference interference inhibition repression rnai "
    "shrna sirna dcas9krab",
    ACTIVATION: "oe overexpression crispra crispractivation activation orf",
}
_KIND_OF = {word: kind for kind, words in _WORDS.items() for word in words.split()}
# A column of another name may hold such words for another reason: activation of T cells.
_COLUMN = re.compile(
    r"type|kind|modality|crispr|method|technology|technique|perturb|system|assay|intervention",
    re.IGNORECASE,
)


def kind_of(value: object) -> str | None:
    """Return the kind that a word means, None where it means none.

    Examples
    --------
    >>> kind_of("CRISPRa"), kind_of("Knock out"), kind_of("drug")
    ('activation', 'knock-out', None)
    """
    return _KIND_OF.get(re.sub(r"[\s_-]", "", str(value)).lower())


def check_kind(kind: str | None) -> None:
    """Raise `InputError` unless a kind is one of the three, or none is given."""
    if kind is not None and kind not in DOSES:
        msg = f"--perturbation-kind is {kind!r}; expected {', '.join(DOSES)}."
        raise InputError(msg)


def find_kinds(
    obs: pd.DataFrame, key: str, perturbed: "Bool[np.ndarray, ' n_cells']"
) -> tuple[str, "pd.Series[Any]"] | None:
    """Find the column of `obs` that says the kind of every perturbation.

    Parameters
    ----------
    obs
        Annotations of the cells.
    key
        The column of the labels, which is passed over.
    perturbed
        Cells whose kind is looked for.

    Returns
    -------
    The name of the column, and the kind of every cell, None where it says none; None where no
    column says the kind of every perturbed cell.

    Raises
    ------
    InputError
        Two columns contradict each other.
    """
    found: list[tuple[str, pd.Series[Any]]] = []
    for name in obs.columns:
        if name == key or not _COLUMN.search(str(name)) or _is_number(obs[name]):
            continue
        values = obs[name].astype(object)
        kinds = {value: kind_of(value) for value in values.dropna().unique()}
        of_cell = values.map(kinds)
        if _understood(kinds) and of_cell[perturbed].notna().all():
            found.append((str(name), of_cell))
    for name, of_cell in found[1:]:
        differ = int((of_cell != found[0][1])[perturbed].sum())
        if differ:
            msg = (
                f"the columns {found[0][0]} and {name} of obs say different kinds of perturbation "
                f"for {differ} cells. Say which it is: --perturbation-kind "
                f"{'|'.join(DOSES)}, or remove one of the columns."
            )
            raise InputError(msg)
    return found[0] if found else None


def _understood(kinds: "dict[Any, str | None]") -> bool:
    others: Iterable[Any] = (value for value, kind in kinds.items() if kind is None)
    named = any(kind is not None for kind in kinds.values())
    return named and all(_says_nothing(str(value)) for value in others)


def _says_nothing(value: str) -> bool:
    return is_control(value) or is_unknown(value) or value.strip().lower() in ("", "none", "nan")


def _is_number(column: "pd.Series[Any]") -> bool:
    return bool(pd.api.types.is_numeric_dtype(column))  # of booleans too
