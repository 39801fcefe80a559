"""Log-normalises cells from counts, linear values or logarithms, and filters them."""

import logging
import math
from collections.abc import Collection
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Bool

from grn.data.preprocessing.cell_states import choose_cells
from grn.data.preprocessing.check import Scan, check_cells, scan_cells
from grn.data.preprocessing.normalise import finished_matrix
from grn.data.preprocessing.steps import Steps, enough_cells
from grn.data.preprocessing.suspects import warn_of_excel
from grn.data.preprocessing.totals import find_totals
from grn.data.preprocessing.values import VALUE_KINDS, ValueKind, Verdict, log_values
from grn.data.preprocessing.variable_genes import find_batches, highly_variable
from grn.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)


def preprocess(
    adata: "AnnData",
    *,
    keep: Collection[str] = (),
    values: ValueKind | None = None,
    state_key: str | None = None,
    states: Collection[Any] | None = None,
    cells_per_state: int | None = None,
    min_genes: int | None = None,
    min_counts: int | None = None,
    min_cells: int | Literal["auto"] | None = "auto",
    target_sum: float = 1e4,
    n_top_genes: int | None = None,
    batch_key: str | None = None,
    seed: int = 0,
) -> "AnnData":
    """Check the cells and return them log-normalised, without the genes that never vary.

    The steps are, in this order and skipped if None: filtering cells by state, by genes and by
    counts; filtering genes by cells; normalisation and log1p; removing genes in too few cells, and
    constant genes; choosing highly variable genes. Counts and linear values (TPM, expected or
    scaled counts) are scaled to `target_sum`, then log1p is taken (scanpy); logarithms stay
    unchanged. docs/values.md lists the evidence that distinguishes them.

    Parameters
    ----------
    adata
        Cells × genes; `X` dense or sparse, counts or log-normalised values. On disk
        (`read_cells(..., on_disk=True)`, `sc.read_h5ad(..., backed="r")`) it is read by rows,
        never whole, and the result is written to a temporary file in TMPDIR.
    keep
        Genes that `n_top_genes` always keeps in addition: the regulators.
    values
        Kind of the values: `counts`, `linear` or `log`; None decides by evidence.
    state_key, states, cells_per_state
        Keep the cells whose `obs[state_key]` is one of `states`, at most `cells_per_state` of
        each, drawn with `seed`.
    min_genes, min_counts
        Cells with fewer genes above 0, or a lower total of counts, are removed.
    min_cells
        Genes above 0 in fewer of the remaining cells are removed before normalisation. `auto`
        removes, after normalisation, genes above 0 in fewer than √n_cells / 5 cells, or fewer
        than 3: their correlations depend on single cells.
    target_sum
        Total per cell before the logarithm.
    n_top_genes, batch_key
        Keep so many highly variable genes (scanpy, flavour `seurat`), chosen within each batch of
        `obs[batch_key]` where that is given.
    seed
        Seed of the draw of cells.

    Returns
    -------
    A new AnnData of float32 `X` (CSR or ndarray; on disk `anndata.abc.CSRDataset`), `obs`, `var`
    and `uns`; the input is unchanged. `var["n_cells"]` counts the cells where a gene is above 0.
    `uns["grn_preprocess"]` records the kind of the values, and under `steps` each step with its
    settings and the number of cells or genes it removed. Cells without counts are kept as zeros.

    Raises
    ------
    InputError
        There are fewer than 20 cells or 5 (varying) genes, at the start or after a step; names are
        duplicate; values are not numbers, NaN, infinite or negative; a setting is out of range.

    Examples
    --------
    >>> cells = grn.preprocess(adata, min_genes=2, n_top_genes=8)
    >>> cells.n_vars, cells.uns["grn_preprocess"]["input"]
    (8, 'counts')
    """
    import anndata

    least = None if min_cells == "auto" else min_cells
    _check_numbers(min_genes=min_genes, min_counts=min_counts, min_cells=least, seed=seed)
    _check_numbers(1, cells_per_state=cells_per_state, n_top_genes=n_top_genes)
    _check_scale(target_sum, values)
    check_cells(adata)
    warn_of_excel(adata.var_names)
    batches = find_batches(adata, n_top_genes, batch_key)
    steps = Steps(*adata.shape)
    if isinstance(states, str):
        states = [states]
    named = None if states is None else [str(state) for state in states]
    asked: dict[str, Any] = {"states": named, "cells_per_state": cells_per_state, "seed": seed}
    chosen = choose_cells(adata.obs, state_key, **asked)
    if state_key is not None:
        steps.keep_cells("states", chosen, state_key=state_key, **asked)
    scan = scan_cells(adata, chosen, min_genes=min_genes or 0, min_counts=min_counts or 0)
    if values is not None:
        scan.verdict = Verdict(values, f"preprocess.values={values}")
    _filter(steps, scan, min_genes, min_counts, least)
    counted = steps.genes
    n_empty = int((scan.totals[steps.cells] == 0).sum())
    log_values(scan.verdict, target_sum)
    _warn(scan, adata, n_empty)
    totals = find_totals(adata, scan.totals, steps.cells) if scan.kind == "counts" else None
    uns = {key: value for key, value in adata.uns.items() if key != "log1p"}
    if scan.kind != "log":
        source = {} if totals is None else {"totals": totals[0]}
        step = {"target_sum": float(target_sum), **source}
        steps.taken |= {"normalize_total": step, "log1p": {}}
        uns["log1p"] = {"base": None}  # the record of scanpy
    if min_cells == "auto":
        steps.drop_rare(scan.cells_per_gene, enough_cells(int(steps.cells.sum())))
    n_constant = steps.drop_constant(scan.varies)
    of_all = totals and totals[1]
    matrix = finished_matrix(adata.X, scan, steps, counted, target_sum, of_all)
    obs, var = adata.obs[steps.cells].copy(), adata.var[steps.genes].copy()
    var["n_cells"] = scan.cells_per_gene[steps.genes]
    result = anndata.AnnData(matrix, obs, var, uns, obsm=_obsm_of(adata, steps.cells))
    if n_top_genes is not None:
        left_in = None if batches is None else batches[steps.cells]
        top = highly_variable(result, n_top_genes, left_in) | result.var_names.isin([*keep])
        result = _keep_top(result, top, steps, n_top_genes=n_top_genes, batch_key=batch_key)
    result.uns["grn_preprocess"] = {
        "input": scan.kind,
        "evidence": scan.verdict.seen,
        "steps": steps.taken,
        "target_sum": float(target_sum),
        "n_cells": int(result.n_obs),
        "n_genes": int(result.n_vars),
        "n_constant_genes": n_constant,
        "n_empty_cells": n_empty,
    }
    logger.info("%d cells × %d genes after preprocessing", *result.shape)
    return result


def _keep_top(
    adata: "AnnData", top: Bool[np.ndarray, " n_genes"], steps: Steps, **settings: Any
) -> "AnnData":
    """Return the cells with the chosen genes alone, and record the step."""
    left = Steps(*adata.shape)
    left.keep_genes("n_top_genes", top, **settings)
    steps.taken |= left.taken
    return adata[:, top].copy()


def _obsm_of(adata: "AnnData", cells: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, Any]:
    """Return what `obsm` holds of the cells that are kept."""
    return {key: value[cells] for key, value in adata.obsm.items()}


def _check_numbers(least: int = 0, **settings: Any) -> None:
    """Raise if a setting is not a whole number of at least `least`; None skips a step."""
    for name, value in settings.items():
        is_whole = isinstance(value, Integral) and not isinstance(value, bool)
        if value is not None and not (is_whole and value >= least):
            auto = ", auto" if name == "min_cells" else ""
            msg = (
                f"preprocess.{name} is {value!r}; expected a whole number of at least {least}"
                f"{auto}, or null to leave the step out."
            )
            raise InputError(msg)


def _check_scale(target_sum: float, values: object) -> None:
    """Raise unless the target sum is positive and the kind of values exists."""
    if not (isinstance(target_sum, Real) and 0 < target_sum < math.inf):
        msg = f"preprocess.target_sum is {target_sum!r}; expected a number above 0, such as 1e4."
        raise InputError(msg)
    if values is not None and values not in VALUE_KINDS:
        msg = (
            f"preprocess.values is {values!r}; expected {', '.join(VALUE_KINDS)}, or null to "
            "decide by the values."
        )
        raise InputError(msg)


def _filter(
    steps: Steps,
    scan: Scan,
    min_genes: int | None,
    min_counts: int | None,
    min_cells: int | None,
) -> None:
    """Filter cells and genes by their numbers of genes, counts and cells."""
    if min_genes is not None:
        steps.keep_cells("min_genes", scan.genes_per_cell >= min_genes, min_genes=min_genes)
    if min_counts is not None:
        if scan.kind == "log":
            msg = (
                f"preprocess.min_counts={min_counts} needs counts, and the values are "
                "log-normalised. Use preprocess.min_genes."
            )
            raise InputError(msg)
        steps.keep_cells("min_counts", scan.totals >= min_counts, min_counts=min_counts)
    if min_cells is not None:
        steps.keep_genes("min_cells", scan.cells_per_gene >= min_cells, min_cells=min_cells)


def _warn(scan: Scan, adata: "AnnData", n_empty: int) -> None:
    """Warn of rounding errors, empty cells and copies of cells, which are allowed."""
    if scan.n_rounded:
        logger.warning(
            "%d value(s) are negative by a rounding error and were set to 0", scan.n_rounded
        )
    if n_empty:
        logger.warning("%d cell(s) have no counts at all; they are kept as zeros", n_empty)
    scan.copies.warn(adata.obs_names)
