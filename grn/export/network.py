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
from grn.export.storable import storable_arrays, storable_frame
from grn.expression import is_on_disk
from grn.files import replacing

# Columns of an edge table that stand beside the weights, where they were computed.
_CONFIDENCE = ("stability", "p_value", "fdr")


def network_adata(
    edges: pd.DataFrame, adata: ad.AnnData, provenance: Mapping[str, Any]
) -> ad.AnnData:
    """Copy the cells with their annotations, layers and embeddings, and add the network.

    `uns` and `raw` stay behind. Annotations that `.h5ad` cannot hold are kept as text, those
    under a reserved name under another one, with a warning.

    Parameters
    ----------
    edges
        An edge table; every name is one of `adata.var_names`.
    adata
        Cells × genes.
    provenance
        Parameters, versions, seed, input: whatever tells how the network came about.

    Returns
    -------
    AnnData with `varp["grn"]` (n_genes, n_genes), sparse, float32, rows regulate columns, and
    `uns["grn"]`: the provenance, lists and None written as JSON, which HDF5 cannot hold. Where
    the table has a column `stability`, `p_value` or `fdr`, it is `varp["grn_stability"]` and so
    on, stored for the same pairs as `varp["grn"]`: what is not stored is no p-value of 0.

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
    result.uns["grn"] = _storable(provenance)
    return result


def write_network(
    edges: pd.DataFrame, adata: ad.AnnData, path: str | Path, provenance: Mapping[str, Any]
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
        network_adata(edges, adata, provenance).write_h5ad(temporary, compression="lzf")


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
