"""Writes a network as the base network of CellOracle: which TFs may regulate which gene."""

from pathlib import Path

import numpy as np
import pandas as pd

from grn.export.tables import best, write_table


def base_network(edges: pd.DataFrame, top: int | None = 10_000) -> pd.DataFrame:
    """Return the best edges as a table of 0 and 1, one row per target and one column per TF.

    CellOracle takes it as `oracle.import_TF_data(TF_info_matrix=table)` and fits a strength and a
    sign to each of the edges, so that only the pairs matter and not the weights.

    Parameters
    ----------
    edges
        An edge table, best edge first.
    top
        Number of edges to keep; None keeps all. A table that joins every TF with every gene
        chooses nothing.

    Returns
    -------
    `peak_id, gene_short_name`, then one column per TF of the kept edges; TFs and genes are sorted
    by name. CellOracle expects the name of a peak and does not use it. Since the edges come from
    expression, the gene itself stands there.

    Raises
    ------
    InputError
        `top` is less than 1.

    Examples
    --------
    >>> edges = pd.DataFrame({"source": ["A", "B"], "target": ["C", "C"]})
    >>> base_network(edges).to_dict("records")
    [{'peak_id': 'C', 'gene_short_name': 'C', 'A': 1, 'B': 1}]
    """
    kept = best(edges, top)
    rows, genes = pd.factorize(kept["target"], sort=True)
    columns, tfs = pd.factorize(kept["source"], sort=True)
    found = np.zeros((len(genes), len(tfs)), dtype=np.int8)
    found[rows, columns] = 1
    names = pd.DataFrame({"peak_id": genes, "gene_short_name": genes})
    return pd.concat([names, pd.DataFrame(found, columns=tfs)], axis=1)


def write_base_network(edges: pd.DataFrame, path: str | Path, top: int | None = 10_000) -> None:
    """Write `base_network(edges, top)` to a file, `.parquet` or tab-separated text.

    Parameters
    ----------
    edges, top
        As for `base_network`.
    path
        File to write, as `grn.export.write_edges` does.
    """
    write_table(base_network(edges, top), path)
