"""Checks names, shape and type of a matrix of cells, and reads every value once."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int

from grn.data.preprocessing.evidence import Evidence
from grn.data.preprocessing.problems import Problems
from grn.data.preprocessing.suspects import Copies
from grn.data.preprocessing.values import ValueKind, Verdict, judge_values, says_log1p
from grn.data.reading.layers import select_layer
from grn.errors import InputError
from grn.expression import drop_rounding, own_float32, row_blocks
from grn.names.symbols import first_of

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

# With 20 cells the standard error of a correlation is 0.22 (1 / √20). Chosen by hand: with fewer
# cells hardly any correlation differs from chance.
MIN_CELLS = 20
MIN_GENES = 5  # three regulators (`grn.names.regulators.MIN_TFS`) and two further targets
# Length of the longest symbols of the fly that differ in case alone.
_LONGEST_OF_A_FLY = 3


@dataclass
class Scan:
    """Result of one pass over the values."""

    verdict: Verdict
    """Kind of the values, and the evidence for it."""
    genes_per_cell: Int[np.ndarray, " n_cells"]
    totals: Float[np.ndarray, " n_cells"]
    cells_per_gene: Int[np.ndarray, " n_genes"]
    """Number of cells above 0, among the chosen cells with enough genes and counts."""
    varies: Bool[np.ndarray, " n_genes"]
    """Whether each gene varies over the same cells."""
    n_rounded: int
    """Number of negative values that are rounding errors and were set to 0."""
    copies: Copies

    @property
    def kind(self) -> ValueKind:
        """Counts, linear values or logarithms."""
        return self.verdict.kind


def check_cells(adata: "AnnData") -> None:
    """Raise `InputError` unless shape, names and type fit a matrix of cells × genes."""
    matrix = select_layer(adata, None).X
    n_cells, n_genes = adata.shape
    if n_cells < MIN_CELLS or n_genes < MIN_GENES:
        msg = (
            f"got {n_cells} cells × {n_genes} genes; at least {MIN_CELLS} cells and {MIN_GENES} "
            "genes are needed. If rows and columns are swapped, transpose the matrix."
        )
        raise InputError(msg)
    _check_unique(adata.var_names, "gene", "sum or drop the duplicates, or rename them with")
    _check_unique(adata.obs_names, "cell", "were samples joined? Rename them with")
    _check_case(adata.var_names)
    if not (np.issubdtype(matrix.dtype, np.number) or matrix.dtype == bool):
        msg = (
            f"the matrix holds values of type {matrix.dtype}, not numbers; store expression as "
            "integers or floats."
        )
        raise InputError(msg)
    if np.issubdtype(matrix.dtype, np.complexfloating):
        msg = "the matrix holds complex numbers; expression must be real."
        raise InputError(msg)
    if getattr(matrix, "format", None) == "csc" and not sp.issparse(matrix):
        msg = (
            "the matrix on disk is stored by genes (CSC), but it is read cell by cell. Load it "
            "(adata.to_memory(), or data.on_disk=false), or write it as CSR."
        )
        raise InputError(msg)


def _check_unique(names: "pd.Index", kind: str, fix: str) -> None:
    """Raise if a name occurs twice; the message lists up to three such names."""
    if names.is_unique:
        return
    repeated = list(dict.fromkeys(map(str, names[names.duplicated()])))
    axis = "var" if kind == "gene" else "obs"
    msg = (
        f"{len(repeated)} {kind} name(s) occur more than once: {first_of(repeated)}. Every {kind} "
        f"needs a name of its own: {fix} adata.{axis}_names_make_unique()."
    )
    raise InputError(msg)


def _check_case(names: "pd.Index") -> None:
    """Raise if a gene occurs in two spellings, such as Sox2 and SOX2.

    Dl and dl, or h and H, are different genes of the fly, so such pairs are accepted.
    """
    upper = names.astype(str).str.upper()
    if upper.is_unique:
        return
    first: dict[str, str] = {}
    pairs = [
        f"{other} and {name}"
        for name, large in zip(names, upper, strict=True)
        if (other := first.setdefault(large, name)) != name
        and (len(name) > _LONGEST_OF_A_FLY or (large in (name, other) and len(name) > 1))
    ]
    if not pairs:
        return
    msg = (
        f"{len(pairs)} gene(s) occur in two spellings: {first_of(pairs)}. Merge or rename them; "
        "if cells of two species were counted together, keep the genes of one species."
    )
    raise InputError(msg)


def scan_cells(
    adata: "AnnData",
    chosen: Bool[np.ndarray, " n_cells"],
    *,
    min_genes: int = 0,
    min_counts: int = 0,
) -> Scan:
    """Read every value once, in memory or on disk.

    Parameters
    ----------
    adata
        Cells that passed `check_cells`.
    chosen
        Cells that may be kept.
    min_genes, min_counts
        Smallest number of genes above 0, and smallest total, of a kept cell.

    Raises
    ------
    InputError
        A value, of any cell, is NaN, infinite or negative beyond rounding; the message names the
        first one.
    """
    n_cells, n_genes = adata.shape
    genes_per_cell, totals = np.zeros(n_cells, np.int64), np.zeros(n_cells)
    cells_per_gene = np.zeros(n_genes, np.int64)
    low, high = np.full(n_genes, np.inf, np.float32), np.full(n_genes, -np.inf, np.float32)
    problems, evidence, copies = Problems(), Evidence(n_cells, n_genes), Copies(n_cells)
    n_rounded, largest, whole = 0, 0.0, True
    for start, stored in row_blocks(adata.X, what="checking cells"):
        block = own_float32(stored)
        n_rounded += drop_rounding(block)
        rows = slice(start, start + block.shape[0])
        values = block.data if sp.issparse(block) else block
        problems.look(block, start)
        if problems.found:
            continue
        evidence.look(block, start)
        largest = max(largest, float(values.max(initial=0.0)))
        whole = whole and bool((values == np.rint(values)).all())
        genes_per_cell[rows] = _nonzero(block, axis=1)
        copies.look(block, start, genes_per_cell[rows])
        totals[rows] = np.asarray(block.sum(axis=1, dtype=float)).ravel()
        enough = (genes_per_cell[rows] >= min_genes) & (totals[rows] >= min_counts)
        kept = chosen[rows] & enough
        if kept.any():
            some = block if kept.all() else block[kept]
            n_above = _nonzero(some, axis=0)
            cells_per_gene += n_above
            _widen(low, high, some, n_above)
    problems.refuse(adata)
    record = says_log1p(adata.uns)
    verdict = judge_values(evidence, is_whole=whole, largest=largest, says_log1p=record)
    varies = low != high
    return Scan(verdict, genes_per_cell, totals, cells_per_gene, varies, n_rounded, copies)


def _nonzero(block: Any, axis: int) -> Int[np.ndarray, " n"]:
    if not sp.issparse(block):
        return np.asarray(np.count_nonzero(block, axis=axis))
    if axis == 1:
        return np.asarray(np.diff(block.indptr))
    return np.bincount(block.indices, minlength=block.shape[1])


def _widen(
    low: Float[np.ndarray, " n_genes"],
    high: Float[np.ndarray, " n_genes"],
    block: Any,
    n_above: Int[np.ndarray, " n_genes"],
) -> None:
    """Widen the range of every gene, in place, by the values of a block of rows."""
    if sp.issparse(block):
        # Minimum and maximum of scipy's columns would sort all values by column first.
        columns = block.indices.astype(np.intp)
        np.minimum.at(low, columns, block.data)
        np.maximum.at(high, columns, block.data)
        some_zero = n_above < block.shape[0]
        np.minimum(low, 0, out=low, where=some_zero)
        np.maximum(high, 0, out=high, where=some_zero)
    else:
        np.minimum(low, block.min(axis=0), out=low)
        np.maximum(high, block.max(axis=0), out=high)
