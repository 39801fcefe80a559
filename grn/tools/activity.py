"""TF activity of every cell, from the expression of its targets, by decoupler's methods."""

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from grn.data.preprocessing.preprocess import preprocess
from grn.data.reading.layers import select_layer
from grn.errors import InputError
from grn.inference.arguments import check_adata, check_count
from grn.names.symbols import listed
from grn.tools.labels import cell_labels
from grn.tools.regulons import regulons
from grn.tools.scores import n_highest, score_cells

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

METHODS = ("ulm", "aucell")


def activity(
    adata: "AnnData",
    edges: pd.DataFrame,
    *,
    method: str = "ulm",
    n_targets: int = 10,
    groupby: str | None = None,
    layer: str | None = None,
    key_added: str = "activity",
) -> None:
    """Estimate the activity of every TF in every cell from the expression of its targets.

    A TF is judged by its `n_targets` most important edges, activating and repressing together.
    `ulm` (Badia-i-Mompel et al. 2022) is the t-value of the slope of a univariate linear model:
    over all genes of one cell, log-normalised expression against the weight of the edge, which is
    0 for a gene that is no target. `aucell` (Aibar et al. 2017) is the area under the recovery
    curve of the activated targets among the highest genes of the cell, less that of the repressed
    targets. The expression of the TF itself is not used, unless it is another TF's target.

    More targets dilute the activity: in simulated knock-outs it separates cells less and less well
    beyond ten (docs/tools.md has the numbers, and what activity is not).

    Parameters
    ----------
    adata
        Cells × genes: counts or log-normalised expression, or the `adata` of a `SphericalGRN`.
    edges
        An edge table. One with a column `group` (`model.edges_by_group()`) needs `groupby`: each
        cell is then judged by the network of its own group.
    method
        `ulm` or `aucell`.
    n_targets
        Targets per TF.
    groupby
        Key of `adata.obs` with the groups of `edges`; None: one network for all cells.
    layer
        Key of `adata.layers` to use instead of `X`; `raw` is `adata.raw`.
    key_added
        Where the result is stored.

    Returns
    -------
    Nothing. `adata.obsm[key_added]` is a DataFrame of cells × TFs: 0 in a cell whose genes are
    all the same, such as an empty one, and NaN where the network of the cell's group has too few
    targets of a TF. For `ulm`, `adata.obsm[key_added + "_padj"]` holds the two-sided p-values of
    the slopes, adjusted over the TFs of a cell (Benjamini–Hochberg). `adata.uns[key_added]` holds
    the settings.

    Raises
    ------
    InputError
        decoupler is not installed; the cells or edges cannot be used; no target is among the
        genes, or no TF has enough of them; `groupby` does not fit the edges.

    Examples
    --------
    >>> grn.tl.activity(adata, edges, n_targets=3)
    >>> adata.obsm["activity"]["TF01"].shape
    (60,)
    """
    check_adata(adata)
    check_count("n_targets", n_targets, least=1)
    _check_method(method)
    networks = _networks(adata, edges, groupby)
    cells = preprocess(select_layer(adata, layer))
    genes = cells.var_names.to_numpy(dtype=str)
    # Where every gene is a target of the same weight there is nothing to compare with.
    n_targets = min(int(n_targets), len(genes) - 1)
    chosen = {name: regulons(table, genes, n_targets) for name, (table, _) in networks.items()}
    n_up = n_highest(cells.X) if method == "aucell" else None
    parts = []
    for name, kept in chosen.items():
        _, own = networks[name]
        parts.append(score_cells(cells if own is None else cells[own], kept, n_up=n_up))
    for suffix in parts[0]:
        found = pd.concat([part[suffix] for part in parts]).reindex(adata.obs_names)
        adata.obsm[key_added + suffix] = found[sorted(found)]
    settings = {"method": method, "n_targets": n_targets}
    adata.uns[key_added] = settings | ({} if groupby is None else {"groupby": groupby})
    logger.info(
        "activity of %d TFs in %d cells: obsm[%r]",
        *(adata.obsm[key_added].shape[1], adata.n_obs, key_added),
    )


def _check_method(method: str) -> None:
    """Raise `InputError` on a method that is unknown or cannot be had, before any long work."""
    if method not in METHODS:
        msg = f"method is {method!r}; expected one of: {', '.join(METHODS)}."
        raise InputError(msg)
    try:
        import decoupler  # noqa: F401
    except ImportError as error:
        msg = (
            "activity needs decoupler, which is not installed. Install it with "
            'pip install "spherical-grn[tools]".'
        )
        raise InputError(msg) from error


def _networks(
    adata: "AnnData", edges: pd.DataFrame, groupby: str | None
) -> dict[str, tuple[pd.DataFrame, np.ndarray | None]]:
    """Return, for each group of cells, its edges and which cells it has; None: all of them."""
    by_group = isinstance(edges, pd.DataFrame) and "group" in edges
    if groupby is None:
        if by_group:
            msg = (
                "the edges have a column group, and groupby is None. Name the column of adata.obs "
                "that has these groups, or give one network for all cells, model.edges()."
            )
            raise InputError(msg)
        return {"": (edges, None)}
    if not by_group:
        msg = (
            f"groupby={groupby!r} needs edges with a column group, a network for each group "
            "(model.edges_by_group()). Leave groupby out to judge all cells by one network: "
            "grn.tl.rank_regulators then compares the groups."
        )
        raise InputError(msg)
    labels, named = cell_labels(adata, groupby), edges["group"].astype(str)
    absent = set(labels) - set(named)
    if absent:
        msg = (
            f"{len(absent)} groups of adata.obs[{groupby!r}] have no edges: {listed(absent)}. The "
            f"edges are those of {listed(named)}. Find the networks with the same groupby, or "
            "leave these cells out."
        )
        raise InputError(msg)
    return {
        group: (edges[named == group].drop(columns="group"), (labels == group).to_numpy())
        for group in sorted(set(labels))
    }
