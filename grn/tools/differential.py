"""Edges that differ between two groups of cells."""

from typing import TYPE_CHECKING

from grn.inference.arguments import check_count, speaking_python

if TYPE_CHECKING:
    import pandas as pd

    from grn.estimator import SphericalGRN


def differential_edges(
    model: "SphericalGRN",
    group: str,
    reference: str | None = None,
    *,
    n_bootstraps: int = 50,
    replicate: str | None = None,
) -> "pd.DataFrame":
    """Compare every edge between a group of cells and another one, or all other cells.

    The network of each group is found on its own cells alone, in bootstraps of equal size
    (`grn.inference.differences.edge_differences`). A test over bootstraps of cells says that a
    difference is more than chance in these cells; whether it holds in other donors only donors
    can tell (`replicate`).

    Parameters
    ----------
    model
        With `groupby`.
    group, reference
        Names of the groups; the reference None: all other cells.
    n_bootstraps
        Draws of cells; each takes as long as two networks.
    replicate
        Column of `adata.obs` with the donor or sample of every cell: donors are drawn, each with
        all its cells. None: cells are drawn.

    Returns
    -------
    One row per edge, largest absolute difference first: `source`, `target`, `difference`,
    `score` and `reference_score` (signed, from −1 to 1), `z`, `p_value`, `fdr`.

    Raises
    ------
    InputError
        The model has no groups, a name is unknown, or there are too few cells, donors or draws.

    Examples
    --------
    >>> from grn.simulation.contexts import simulate_contexts
    >>> adata = simulate_contexts(sizes=(40, 30), n_tfs=4, n_targets=8)
    >>> model = grn.SphericalGRN(adata, tfs=["TF01", "TF02", "TF03", "TF04"], groupby="group")
    >>> table = grn.tl.differential_edges(model, "group_1", "group_2", n_bootstraps=5)
    >>> table["fdr"].between(0, 1).all().item()
    True
    """
    check_count("n_bootstraps", n_bootstraps, least=1)
    with speaking_python():
        return model._networks.differences(
            group, reference, n_bootstraps=n_bootstraps, replicate=replicate
        )
