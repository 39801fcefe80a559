"""Finds values that cannot be expression, and raises with the layers that could be used."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from grn.data.reading.layers import names_of_layers
from grn.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

# Scaling makes about half of all values negative, corrections of logarithms only a few. The share
# is between the two, chosen by hand; only the wording of a message depends on it.
_SHARE_OF_SCALED = 0.1


class Problems:
    """Counts the values that cannot be expression, and stores the first of each kind."""

    def __init__(self) -> None:
        self._count = {"NaN or infinite": 0, "negative": 0}
        self._first: dict[str, tuple[int, int, float]] = {}
        self._n_values = 0

    @property
    def found(self) -> bool:
        """Whether any such value has been found."""
        return bool(self._first)

    def look(self, block: Any, start: int) -> None:
        """Check a block of rows."""
        values = (block.data if sp.issparse(block) else block).ravel()
        self._n_values += len(values)
        for kind, found in (("NaN or infinite", ~np.isfinite(values)), ("negative", values < 0)):
            if found.any():
                self._count[kind] += int(found.sum())
                row, gene, value = _locate(block, int(found.argmax()))
                self._first.setdefault(kind, (start + row, gene, value))

    def refuse(self, adata: "AnnData") -> None:
        """Raise `InputError` if any such value was found."""
        for kind, (cell, gene, value) in self._first.items():
            place = f"({value:g}) in gene {adata.var_names[gene]}, cell {adata.obs_names[cell]}"
            found = f"{self._count[kind]} value(s) are {kind}, the first {place}. "
            advice = (
                "Expression must be finite: fill in or drop these entries; a table cut short, or "
                "one with empty fields, also reads as NaN."
            )
            if kind == "negative":
                advice = self._advise_on_negatives(adata)
            raise InputError(found + advice)

    def _advise_on_negatives(self, adata: "AnnData") -> str:
        looks = "This looks like scaled (z-scored) data"
        if self._count["negative"] < _SHARE_OF_SCALED * self._n_values:
            looks = (
                "They are too large for rounding; a correction (of batches, of background) or a "
                "logarithm of values below 1 leaves such values"
            )
        wanted = "pass counts or log-normalised data"
        names = other_matrices(adata)
        if not names:
            return f"{looks}: {wanted}. There is neither a layer nor raw to choose with --layer."
        return (
            f"{looks}: {wanted}, or choose the one that holds them with --layer (in Python "
            f"layer=), of {', '.join(names)}."
        )


def other_matrices(adata: "AnnData") -> list[str]:
    """Name the layers, and `raw`, of the cells and of the file that they were read from."""
    names = names_of_layers(adata)
    read = adata.uns.get("grn_read")
    if isinstance(read, Mapping):
        chosen = str(read.get("layer", "X"))
        names += [str(name) for name in read.get("layers", ()) if str(name) != chosen]
        if chosen != "X":
            names.append("X, without --layer")
    return list(dict.fromkeys(names))


def _locate(block: Any, position: int) -> tuple[int, int, float]:
    """Return row, column and value of the stored value at a position of a block."""
    if sp.issparse(block):
        row = int(np.searchsorted(block.indptr, position, side="right")) - 1
        return row, int(block.indices[position]), float(block.data[position])
    row, column = divmod(position, block.shape[1])
    return row, column, float(block[row, column])
