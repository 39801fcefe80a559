"""Ranks the regulators of each group of cells: differential activity, and place in the network."""

import logging
import warnings
from functools import partial
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd
from scipy import stats

from grn.edges.read import read_edges
from grn.names.symbols import listed
from grn.tools.labels import cell_labels, group_labels, stored_activity

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

_EDGES_PER_TF = 10
_MIN_CELLS, _MIN_PAIRS, _MIN_REPLICATES = 3, 3, 2


def rank_regulators(
    adata: "AnnData",
    edges: pd.DataFrame,
    groupby: str,
    *,
    replicate: str | None = None,
    key: str = "activity",
) -> pd.DataFrame:
    """Rank the TFs of each group of cells by how much more active they are there than elsewhere.

    Without `replicate` cells are compared, by the Wilcoxon rank-sum test with correction for ties
    (scanpy). Cells of one donor are no independent samples, so p-values are then too small for
    what they are mostly taken for: name the donors where there are some. With `replicate` the
    mean activity of each donor counts once: donors with cells in the group and outside it are
    compared with themselves (paired t-test) where there are at least 3; else donors with cells of
    the group are compared with those without (Welch's t-test, at least 2 each).

    Parameters
    ----------
    adata
        Cells with `obsm[key]`.
    edges
        The edge table, for the measures of the network: among its most important edges, ten per
        TF. Those of the group itself where it has a column `group`.
    groupby, replicate
        Keys of `adata.obs` with the groups, and with the donors or other replicates.
    key
        What `grn.tl.activity` stored the activity under.

    Returns
    -------
    One row per group and TF, groups in alphabetical order, the TF that is most activated first
    (by `statistic`, ties by name):

    - `effect`: mean activity in the group less that in the rest, of cells or of donors;
    - `statistic`: z of the Wilcoxon test, or t; `p_value`, two-sided; `fdr`, over the TFs of the
      group (Benjamini–Hochberg). NaN where there are too few donors, which is logged;
    - `mean_activity`: of the cells of the group;
    - `out_degree`: targets among the most important edges; `degree_centrality`: share of the
      other genes there that the TF regulates or is regulated by.

    Groups of fewer than 3 cells have no rows, and TFs without activity in some cells neither.

    Raises
    ------
    InputError
        There is no such activity or column, a cell without a label, or one group only.

    Examples
    --------
    >>> grn.tl.activity(adata, edges, n_targets=3)
    >>> drivers = grn.tl.rank_regulators(adata, edges, "lineage")
    >>> significant = drivers[drivers["fdr"] < 0.05]
    """
    activity = stored_activity(adata, key)
    labels = group_labels(adata, groupby)
    donors = None if replicate is None else cell_labels(adata, replicate, argument="replicate")
    lacking = activity.columns[activity.isna().any()]
    if len(lacking):
        logger.warning(
            "%d TF(s) have no activity in the cells of some groups, and are left out: %s",
            *(len(lacking), listed(lacking)),
        )
        activity = activity.drop(columns=lacking)
    counts = labels.value_counts()
    few = counts.index[counts < _MIN_CELLS]
    if len(few):
        logger.warning("groups of fewer than %d cells are not ranked: %s", _MIN_CELLS, listed(few))
    groups = sorted(set(labels) - set(few))
    if donors is None:
        table = _compare_cells(activity, labels, groups)
    else:
        table = _compare_donors(activity, labels, donors, groups)
    means = activity.groupby(labels.to_numpy()).mean()
    pairs = zip(table["group"], table["source"], strict=True)
    table["mean_activity"] = [means.at[group, tf] for group, tf in pairs]
    table = _with_network(table, edges)
    by = ["group", "statistic", "source"]
    return table.sort_values(by, ascending=[True, False, True], ignore_index=True)


def _compare_cells(activity: pd.DataFrame, labels: pd.Series, groups: list[str]) -> pd.DataFrame:
    """Compare the cells of each group with all others."""
    import anndata
    import scanpy as sc

    obs = pd.DataFrame({"group": pd.Categorical(labels)}, index=activity.index.astype(str))
    cells = anndata.AnnData(activity.to_numpy(), obs, pd.DataFrame(index=activity.columns))
    with warnings.catch_warnings():
        # Its fold changes, which are not used, take expression for granted.
        warnings.simplefilter("ignore", RuntimeWarning)
        sc.tl.rank_genes_groups(cells, "group", groups=groups, method="wilcoxon", tie_correct=True)
    found = pd.concat(
        [sc.get.rank_genes_groups_df(cells, group).assign(group=group) for group in groups],
        ignore_index=True,
    )
    table = found.rename(columns={"names": "source", "scores": "statistic", "pvals": "p_value"})
    effects = {group: _difference(activity, (labels == group).to_numpy()) for group in groups}
    pairs = zip(table["group"], table["source"], strict=True)
    table["effect"] = [effects[group][tf] for group, tf in pairs]
    table["fdr"] = table["pvals_adj"]
    return table[["group", "source", "effect", "statistic", "p_value", "fdr"]]


def _difference(activity: pd.DataFrame, own: np.ndarray) -> pd.Series:
    return activity[own].mean() - activity[~own].mean()


def _compare_donors(
    activity: pd.DataFrame, labels: pd.Series, donors: pd.Series, groups: list[str]
) -> pd.DataFrame:
    """Compare the means of donors, in each group and outside it."""
    tables, few = [], []
    for group in groups:
        own = (labels == group).to_numpy()
        inside = activity[own].groupby(donors.to_numpy()[own]).mean()
        outside = activity[~own].groupby(donors.to_numpy()[~own]).mean()
        both = inside.index.intersection(outside.index)
        if len(both) >= _MIN_PAIRS:
            inside, outside = inside.loc[both], outside.loc[both]
            test = stats.ttest_rel
        else:
            outside = outside.drop(index=both)
            test = partial(stats.ttest_ind, equal_var=False)
        effect = inside.mean() - outside.mean()
        table = pd.DataFrame({"group": group, "source": effect.index, "effect": effect.to_numpy()})
        if min(len(inside), len(outside)) < _MIN_REPLICATES:
            few.append(group)
            tables.append(table.assign(statistic=np.nan, p_value=np.nan, fdr=np.nan))
            continue
        table["statistic"], table["p_value"] = test(inside.to_numpy(), outside.to_numpy(), axis=0)
        table["fdr"] = stats.false_discovery_control(table["p_value"].fillna(1.0))
        tables.append(table)
    if few:
        logger.warning(
            "no test for %s: that takes at least %d donors with cells both in the group and "
            "outside it, or %d with and %d without cells of it",
            *(listed(few), _MIN_PAIRS, _MIN_REPLICATES, _MIN_REPLICATES),
        )
    return pd.concat(tables, ignore_index=True)


def _with_network(table: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """Add the measures of each TF in the network, its group's own where there is one."""
    if "group" not in edges:
        return table.merge(_measures(edges), on="source", how="left")
    named = edges["group"].astype(str)
    own = [
        _measures(edges[named == group].drop(columns="group")).assign(group=group)
        for group in sorted(set(table["group"]) & set(named))
    ]
    return table.merge(pd.concat(own), on=["group", "source"], how="left")


def _measures(edges: pd.DataFrame) -> pd.DataFrame:
    edges = read_edges(edges)
    tfs = sorted(edges["source"].unique())
    best = edges.head(_EDGES_PER_TF * len(tfs))
    graph = nx.from_pandas_edgelist(best, create_using=nx.DiGraph)
    graph.add_nodes_from(tfs)
    centrality = nx.degree_centrality(graph)
    return pd.DataFrame(
        {
            "source": tfs,
            "out_degree": [graph.out_degree(tf) for tf in tfs],
            "degree_centrality": [centrality[tf] for tf in tfs],
        }
    )
