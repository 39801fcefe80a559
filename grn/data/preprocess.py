"""Validate an expression matrix and bring it to log-normalised values, whatever it was before."""

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from grn.data.read import select_layer
from grn.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

MIN_CELLS = 20
MIN_GENES = 5
# No logarithm of a count reaches 50 (log2 of 1e15): larger fractional values are linear.
LARGEST_LOG_VALUE = 50.0
_CHUNK_VALUES = 4_000_000


def preprocess(adata: "AnnData", *, target_sum: float = 1e4) -> "AnnData":
    """Check the cells and return them log-normalised, without the genes that never vary.

    Counts are told by integrality, never by their maximum: if every value is a whole number, the
    cells are scaled to `target_sum` and log1p is taken (scanpy). Fractional values up to 50 are
    log data and stay as they are; above 50 they are linear (TPM, expected counts) and are
    normalised like counts, with a warning.

    Parameters
    ----------
    adata
        Cells × genes; `X` dense or sparse, counts or log-normalised values.
    target_sum
        Total per cell before the logarithm.

    Returns
    -------
    A new AnnData of float32 `X` (CSR or ndarray), `obs`, `var` and `uns`; the input is unchanged.
    `uns["grn_preprocess"]` records what was found and done. A cell without counts stays, as zeros.

    Raises
    ------
    InputError
        Fewer than 20 cells or 5 (varying) genes; duplicate names; no numbers; NaN or infinite
        values; negative values.
    """
    import anndata

    check_cells(adata)
    matrix = _float32_copy(adata.X)
    kind = _kind_of_values(matrix)
    varies = _varying(matrix)
    n_constant = int((~varies).sum())
    n_empty = int((np.asarray(matrix.sum(axis=1)).ravel() == 0).sum())
    uns = {key: value for key, value in adata.uns.items() if key != "log1p"}
    result = anndata.AnnData(X=matrix, obs=adata.obs.copy(), var=adata.var.copy(), uns=uns)
    steps = []
    if kind != "log":
        _normalise(result, target_sum)
        steps = [f"normalize_total({target_sum:g})", "log1p"]
    if n_constant:
        # After normalisation, so that a cell's total is that of the file.
        result = result[:, varies].copy()
        steps.append("drop constant genes")
    result.uns["grn_preprocess"] = {
        "input": kind,
        "steps": steps,
        "target_sum": float(target_sum),
        "n_cells": int(result.n_obs),
        "n_genes": int(result.n_vars),
        "n_constant_genes": n_constant,
        "n_empty_cells": n_empty,
    }
    _state(kind, target_sum, n_constant, n_empty, result.shape)
    return result


def check_cells(adata: "AnnData") -> None:
    """Raise `InputError` unless `adata.X` is a usable cells × genes expression matrix."""
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
    if not (np.issubdtype(matrix.dtype, np.number) or matrix.dtype == bool):
        msg = (
            f"the matrix holds values of type {matrix.dtype}, not numbers; store expression as "
            "integers or floats."
        )
        raise InputError(msg)
    if np.issubdtype(matrix.dtype, np.complexfloating):
        msg = "the matrix holds complex numbers; expression must be real."
        raise InputError(msg)
    _check_values(adata)


def _check_unique(names: Sequence[Any], kind: str, fix: str) -> None:
    """Raise when a name occurs twice; the message lists three such names."""
    import pandas as pd

    index = pd.Index(names)
    if index.is_unique:
        return
    repeated = list(dict.fromkeys(index[index.duplicated()]))
    shown = ", ".join(map(str, repeated[:3])) + (", …" if len(repeated) > 3 else "")
    axis = "var" if kind == "gene" else "obs"
    msg = (
        f"{len(repeated)} {kind} name(s) occur more than once: {shown}. Every {kind} needs a name "
        f"of its own: {fix} adata.{axis}_names_make_unique()."
    )
    raise InputError(msg)


def _check_values(adata: "AnnData") -> None:
    """Raise when a value is NaN, infinite or negative; the message names the first one."""
    n_bad = n_negative = 0
    first_bad = first_negative = -1
    for start, values in _chunks(adata.X):
        bad = ~np.isfinite(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
        if bad.any():
            first_bad = start + int(bad.argmax()) if first_bad < 0 else first_bad
            n_bad += int(bad.sum())
        negative = values < 0
        if negative.any():
            first = start + int(negative.argmax())
            first_negative = first if first_negative < 0 else first_negative
            n_negative += int(negative.sum())
    if n_bad:
        msg = (
            f"{n_bad} value(s) are NaN or infinite, the first {_place(adata, first_bad)}. "
            "Expression must be finite: fill in or drop these entries; a table cut short, or one "
            "with empty fields, also reads as NaN."
        )
        raise InputError(msg)
    if n_negative:
        layers = ", ".join(map(str, adata.layers)) or "none"
        msg = (
            f"{n_negative} value(s) are negative, the first {_place(adata, first_negative)}. This "
            "looks like scaled (z-scored) data: pass counts or log-normalised data, or choose a "
            f"layer that holds them with --layer (layers: {layers})."
        )
        raise InputError(msg)


def _chunks(matrix: Any) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
    """Yield (position of the first, stored values), a few million values at a time."""
    if sp.issparse(matrix):
        for start in range(0, matrix.data.size, _CHUNK_VALUES):
            yield start, matrix.data[start : start + _CHUNK_VALUES]
        return
    n_columns = matrix.shape[1]
    n_rows = max(1, _CHUNK_VALUES // max(1, n_columns))
    for row in range(0, matrix.shape[0], n_rows):
        yield row * n_columns, np.asarray(matrix[row : row + n_rows]).ravel()


def _place(adata: "AnnData", position: int) -> str:
    """Say in words which gene and cell the stored value at `position` belongs to."""
    matrix = adata.X
    if sp.issparse(matrix):
        major = int(np.searchsorted(matrix.indptr, position, side="right")) - 1
        minor = int(matrix.indices[position])
        cell, gene = (major, minor) if matrix.format == "csr" else (minor, major)
        value = matrix.data[position]
    else:
        cell, gene = divmod(position, matrix.shape[1])
        value = matrix[cell, gene]
    return f"({value:g}) in gene {adata.var_names[gene]}, cell {adata.obs_names[cell]}"


def _float32_copy(matrix: Any) -> Any:
    """Return the matrix as float32, CSR where it is sparse, sharing no memory with the input."""
    if sp.issparse(matrix):
        csr = sp.csr_matrix(matrix, dtype=np.float32, copy=True)
        csr.sum_duplicates()
        return csr
    return np.array(matrix, dtype=np.float32)


def _kind_of_values(matrix: Any) -> str:
    """Tell `counts` (all whole numbers), `linear` (some above any logarithm) and `log` apart."""
    largest, whole = 0.0, True
    for _, values in _chunks(matrix):
        largest = max(largest, float(values.max(initial=0.0)))
        whole = whole and bool((values == np.rint(values)).all())
    if whole:
        return "counts"
    return "linear" if largest > LARGEST_LOG_VALUE else "log"


def _varying(matrix: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Mark the genes, shape (n_genes,), that differ between cells; at least five must."""
    low, high = matrix.min(axis=0), matrix.max(axis=0)
    if sp.issparse(matrix):
        low, high = low.toarray(), high.toarray()
    varies = np.asarray(low != high).ravel()
    if int(varies.sum()) < MIN_GENES:
        msg = (
            f"only {int(varies.sum())} of {varies.size} genes vary over the {matrix.shape[0]} "
            f"cells; at least {MIN_GENES} are needed. Pass a matrix with more genes, or check "
            "that it holds expression values (cells × genes)."
        )
        raise InputError(msg)
    return varies


def _normalise(adata: "AnnData", target_sum: float) -> None:
    """Scale every cell to `target_sum` and take log1p, in place."""
    import warnings

    import scanpy as sc

    with warnings.catch_warnings():
        # We count the empty cells in our own message.
        warnings.filterwarnings("ignore", message="Some cells have zero counts")
        sc.pp.normalize_total(adata, target_sum=target_sum)
    sc.pp.log1p(adata)


def _state(
    kind: str, target_sum: float, n_constant: int, n_empty: int, shape: tuple[int, ...]
) -> None:
    """Log what was found and done; what the user should know of is a warning."""
    if kind == "log":
        logger.info("values are fractional: log-normalised already, left as they are")
    elif kind == "counts":
        logger.info("values are counts: normalised to %g per cell, then log1p", target_sum)
    else:
        logger.warning(
            "values are fractional and reach beyond %g, so they are not logarithms (TPM? expected "
            "counts?): normalised to %g per cell, then log1p",
            LARGEST_LOG_VALUE,
            target_sum,
        )
    if n_constant:
        logger.warning("dropped %d gene(s) with the same value in every cell", n_constant)
    if n_empty:
        logger.warning("%d cell(s) have no counts at all; they stay, as zeros", n_empty)
    logger.info("%d cells × %d genes after preprocessing", *shape)
