"""Reads a loom: its main matrix or one layer, names, and attributes."""

import html
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from grn.data.reading.declared import check_declared, names_in
from grn.data.reading.elements import row_slices
from grn.data.reading.layers import no_matrix
from grn.data.reading.orientation import GENES_BY_CELLS, Orientation
from grn.data.reading.unreadable import check_numbers
from grn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

logger = logging.getLogger(__name__)

_GENES = ("var_names", "Gene")
_CELLS = ("obs_names", "CellID")


def read_loom(
    path: Path, layer: str | None, *, gene_column: str | None
) -> tuple["AnnData", Orientation]:
    """Read cells × genes of a loom, sparse; of two sets of names the first wins.

    Attributes that do not fit a table are left out: those of another length, of records
    (SCENIC's regulons) or with several numbers each.

    Parameters
    ----------
    path, layer
        As in `grn.read_cells`.
    gene_column
        Attribute with the gene names; a loom without the usual names can be read with it.

    Raises
    ------
    InputError
        It is no loom, has no names of genes or no such layer.
    """
    import anndata
    import h5py

    with h5py.File(path, "r") as file:
        if not {"matrix", "row_attrs", "col_attrs"} <= set(file):
            msg = (
                f"{path} is no loom: it holds {', '.join(file) or 'nothing'}; expected matrix, "
                "row_attrs and col_attrs. Write it again, for example with loompy."
            )
            raise InputError(msg)
        of_genes, of_cells = names_in(file["row_attrs"]), names_in(file["col_attrs"])
        layers = names_in(file["layers"]) if "layers" in file else []
        if layer is not None and layer not in layers:
            raise no_matrix(str(path), layer, layers)
        matrix = file["matrix"] if layer is None else file["layers"][layer]
        check_numbers(matrix, path)
        check_declared(path, matrix, file["row_attrs"], file["col_attrs"])
        genes = next((key for key in _GENES if key in of_genes), "")
        cells = next((key for key in _CELLS if key in of_cells), "")
        if not genes and gene_column is None:
            msg = (
                f"{path} has no gene names under {' or '.join(_GENES)}; its row attributes are "
                f"{', '.join(of_genes) or 'none'}. Say which one holds them with "
                "--gene-column."
            )
            raise InputError(msg)
        n_genes, n_cells = matrix.shape
        lost: list[str] = []
        var = _table(file["row_attrs"], n_genes, genes, lost)
        obs = _table(file["col_attrs"], n_cells, cells, lost)
        values = _cells_by_genes(matrix)
    if lost:
        logger.warning("%s: left out attributes that do not fit: %s", path, "; ".join(lost))
    adata = anndata.AnnData(values, obs=obs, var=var, uns={"grn_read": {"layers": layers}})
    reason = f"loom fixes it; genes named by {genes or gene_column}, cells by {cells or 'number'}"
    return adata, Orientation(GENES_BY_CELLS, reason)


def _cells_by_genes(matrix: Any) -> sp.csr_matrix:
    """Read genes × cells some genes at a time, and turn it."""
    blocks = [sp.csr_matrix(matrix[rows].astype(np.float32)) for rows in row_slices(matrix)]
    by_gene = sp.vstack(blocks, format="csr") if blocks else sp.csr_matrix(matrix.shape)
    return by_gene.T.tocsr()


def _table(attributes: Any, length: int, index: str, lost: list[str]) -> "pd.DataFrame":
    """Read the attributes of an axis, named by one of them, or by number."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in names_in(attributes):
        element = attributes[name]
        shape = getattr(element, "shape", None)
        if shape == (length,) and element.dtype.kind != "V":
            columns[name] = _values(element)
        elif name == index or shape is None or not shape or shape[0] != length:
            lost.append(f"{name} (shape {shape}, expected {length})")
    if index and index not in columns:
        msg = f"the names {index} do not fit {length} rows or columns of the matrix"
        raise ValueError(msg)
    numbers = [str(number) for number in range(1, length + 1)]
    names = columns.pop(index) if index else numbers
    return pd.DataFrame(columns, index=pd.Index(names, name=index or None, dtype=object))


def _values(element: Any) -> Any:
    """Return numbers as they are, text as str.

    Read here because loompy drops every letter that is not ASCII.
    """
    values = element[()]
    if values.dtype.kind not in "OSU":
        return values
    texts = [value.decode() if isinstance(value, bytes) else str(value) for value in values]
    return [html.unescape(text) for text in texts]  # loompy 2 wrote α as &#945;
