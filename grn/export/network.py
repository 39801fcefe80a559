"""Writes network.h5ad: the cells' annotations with the signed network in varp."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from grn.edges.matrix import locate
from grn.export.h5ad import write_h5ad
from grn.export.storable import storable_arrays, storable_frame, storable_keys
from grn.expression import is_on_disk
from grn.files import replacing

# Columns of an edge table that stand beside the weights, where they were computed.
_CONFIDENCE = ("stability", "p_value", "fdr")


def network_adata(
    edges: pd.DataFrame,
    adata: ad.AnnData,
    provenance: Mapping[str, Any],
    by_group: pd.DataFrame | None = None,
) -> ad.AnnData:
    """Copy the cells with their annotations, layers and embeddings, and add the network.

    `uns` and `raw` are not copied. Annotations that `.h5ad` cannot hold are stored as text, and
    those with a reserved name under another name, with a warning.

    Parameters
    ----------
    edges
        An edge table; every name is one of `adata.var_names`.
    adata
        Cells × genes.
    provenance
        Origin of the network: parameters, versions, seed, input.
    by_group
        Edges of every group (`grn.inference.groups.edges_by_group`), if there are groups.

    Returns
    -------
    AnnData with `varp["grn"]` (n_genes, n_genes), sparse, float32, rows regulate columns, and
    `uns["grn"]`: the provenance, lists and None written as JSON, which HDF5 cannot hold. Where
    the table has a column `stability`, `p_value` or `fdr`, it is `varp["grn_stability"]` and so
    on, stored for the same pairs as `varp["grn"]`: what is not stored is no p-value of 0. The
    network of a group is `varp["grn:GROUP"]`; a slash in its name becomes an underscore.

    Raises
    ------
    ValueError
        An edge names a gene that `adata` does not have.
    """
    rows, columns = (
        locate(edges["source"], adata.var_names),
        locate(edges["target"], adata.var_names),
    )
    unknown = (rows < 0) | (columns < 0)
    if unknown.any():
        pair = tuple(edges.loc[unknown, ["source", "target"]].iloc[0])
        msg = f"{int(unknown.sum())} edges are not among the genes of adata, the first is {pair}."
        raise ValueError(msg)
    weight = edges["weight"].to_numpy(dtype=np.float32)
    listed = weight != 0
    shape = (adata.n_vars, adata.n_vars)
    arrays = {
        name: storable_arrays(getattr(adata, name), name)
        for name in ("layers", "obsm", "varm", "obsp", "varp")
    }
    frames = {name: storable_frame(getattr(adata, name), name) for name in ("obs", "var")}
    result = ad.AnnData(X=adata.X, **frames, **arrays)
    at = rows[listed], columns[listed]
    result.varp["grn"] = sparse.csr_matrix((weight[listed], at), shape=shape)
    for column in (name for name in _CONFIDENCE if name in edges):
        values = edges[column].to_numpy(dtype=np.float32)[listed]
        result.varp[f"grn_{column}"] = sparse.csr_matrix((values, at), shape=shape)
    if by_group is not None:
        result.varp.update(_by_group(by_group, adata.var_names))
    result.uns["grn"] = _storable(provenance)
    return result


def _by_group(edges: pd.DataFrame, genes: pd.Index) -> dict[str, sparse.csr_matrix]:
    """Return the signed network of every group by its key in `varp`."""
    listed = edges[edges["weight"] != 0]
    tables = dict(list(listed.groupby("group", observed=True, sort=False)))
    return {
        f"grn:{key}": sparse.csr_matrix(
            (
                table["weight"].to_numpy(dtype=np.float32),
                (locate(table["source"], genes), locate(table["target"], genes)),
            ),
            shape=(len(genes), len(genes)),
        )
        for key, table in zip(storable_keys(tables), tables.values(), strict=True)
    }


def write_network(
    edges: pd.DataFrame,
    adata: ad.AnnData,
    path: str | Path,
    provenance: Mapping[str, Any],
    by_group: pd.DataFrame | None = None,
) -> None:
    """Write `network_adata(edges, adata, provenance)` to an `.h5ad` file, whole or not at all.

    Cells on disk are too many to be copied beside every network: their `X` and layers are left
    out, which `uns["grn"]["X"]` then says.
    """
    if is_on_disk(adata.X):
        kept = {name: dict(getattr(adata, name)) for name in ("obsm", "varm")}
        adata = ad.AnnData(obs=adata.obs, var=adata.var, **kept)
        provenance = {**provenance, "X": "left out: the cells were read from disk"}
    with replacing(path) as temporary:
        write_h5ad(network_adata(edges, adata, provenance, by_group), temporary)


def _storable(value: Any) -> Any:
    """Keep mappings, numbers and text; turn the rest into text."""
    if isinstance(value, Mapping):
        return {str(key): _storable(inner) for key, inner in value.items()}
    if isinstance(value, str | bool | int | float | np.generic | np.ndarray):
        return value
    return (
        json.dumps(value, default=str)
        if value is None or isinstance(value, list | tuple)
        else str(value)
    )
