"""Chooses the targets by which each TF of a network is judged: its regulon."""

import logging
from collections.abc import Collection

import pandas as pd

from grn.edges.read import read_edges
from grn.errors import InputError
from grn.names.symbols import listed

logger = logging.getLogger(__name__)

# A TF with fewer targets among the genes says more of these than of itself; as in decoupler.
MIN_TARGETS = 5


def regulons(edges: pd.DataFrame, genes: Collection[str], n_targets: int) -> pd.DataFrame:
    """Keep the `n_targets` most important targets of each TF that are among the genes.

    Parameters
    ----------
    edges
        An edge table, of all pairs or of some. Edges of weight 0 have no sign and are left out.
    genes
        Genes that are measured.
    n_targets
        Targets per TF. A TF with fewer than `MIN_TARGETS` of them, or than `n_targets` where
        that is less, is left out, and the log says which.

    Returns
    -------
    The edges that are kept, best first.

    Raises
    ------
    InputError
        The table cannot be used, none of its targets is among the genes, or no TF has enough.
    """
    table = read_edges(edges)
    among = table["target"].isin(set(genes))
    if not among.any():
        msg = (
            f"none of the {table['target'].nunique()} targets of the edges (such as "
            f"{listed(table['target'])}) is among the {len(genes)} genes of the cells (such as "
            f"{listed(genes)}). Expected the same names in both, such as symbols or Ensembl ids: "
            "rename one of them, or find the network of these cells."
        )
        raise InputError(msg)
    kept = table[among & (table["weight"] != 0)].groupby("source").head(n_targets)
    least = min(MIN_TARGETS, n_targets)
    counts = kept["source"].value_counts()
    enough = counts.index[counts >= least]
    if enough.empty:
        msg = (
            f"no TF has {least} targets of known sign among the {len(genes)} genes of the cells; "
            f"the largest number is {counts.max() if len(counts) else 0}. Give a table with more "
            "edges per TF, such as the one of all pairs, cells with more genes, or a lower "
            "n_targets."
        )
        raise InputError(msg)
    few = set(table["source"]) - set(enough)
    if few:
        logger.warning(
            "%d of %d TFs have fewer than %d targets among the genes, and get no activity: %s",
            *(len(few), table["source"].nunique(), least, listed(few)),
        )
    return kept[kept["source"].isin(enough)].reset_index(drop=True)
