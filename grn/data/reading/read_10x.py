"""Reads the output of Cell Ranger, STARsolo, kb-python and alevin: matrix.mtx, `.h5` files."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grn.data.reading.declared import check_declared, names_in
from grn.data.reading.matrix_market import read_header, read_matrix_market
from grn.data.reading.orientation import CELLS_BY_GENES, GENES_BY_CELLS, Orientation
from grn.data.reading.parts_10x import (
    ALEVIN,
    BARCODES,
    FEATURES,
    GENES,
    MATRIX,
    SYMBOLS,
    SampleFiles,
    check_complete,
    read_names,
    without_counts,
    without_header,
)
from grn.data.reading.splicing import split_by_splicing
from grn.data.reading.unreadable import cannot_read
from grn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

logger = logging.getLogger(__name__)

STORED = Orientation(GENES_BY_CELLS, "10x fixes it")
_GENE_EXPRESSION = "gene expression"
# Other types of features that 10x and its like write, in lower case.
_OTHER_TYPES = {
    "antibody capture", "crispr guide capture", "multiplexing capture", "custom", "peaks",
    "antigen capture", "protein expression", "vdj", "ab", "adt", "hto",
}  # fmt: skip
# Matrices that say in their names how they lie: kb-python's and alevin's.
_BY_CELL = ("cells_x_", ALEVIN)


def read_10x_sample(folder: Path, samples: list[SampleFiles]) -> tuple["AnnData", Orientation]:
    """Read the sample of a folder: matrix.mtx, barcodes.tsv, features.tsv or genes.tsv.

    Each may be gzipped or not. Unlike `scanpy.read_10x_mtx`, every name is read as text: a
    barcode 001 is no number, and `nan` is a gene of the fruit fly. Symbols are the names, as in
    scanpy, and `var["gene_ids"]` the ids. A matrix of cells × genes, as kb-python writes it, is
    told by the lengths of the names. Where alevin-fry counted spliced and unspliced transcripts,
    they become layers (`grn.data.reading.splicing`).

    Raises
    ------
    InputError
        There are several samples; a file is missing, broken or of another length.
    """
    import anndata

    if len(samples) > 1:
        names = ", ".join(sample.prefix or "no prefix" for sample in samples[:5])
        msg = (
            f"{folder} holds {len(samples)} 10x samples (prefixes {names}). Pass the matrix of "
            f"one of them, such as {samples[0].parts.get(MATRIX, folder / MATRIX).name}, or a "
            "folder for each."
        )
        raise InputError(msg)
    prefix, parts = samples[0]
    check_complete(folder, prefix, parts)
    feature_file = parts.get(FEATURES, parts.get(GENES, folder))
    features = _read_part(feature_file, read_names)
    barcodes = _read_part(parts[BARCODES], read_names)
    # Before the matrix is read: its first line may declare any size.
    shape = _read_part(parts[MATRIX], read_header).shape
    by_cell, features, barcodes = _fit(parts[MATRIX], shape, features, barcodes)
    if by_cell is None:
        msg = (
            f"{parts[MATRIX]} holds {shape[0]} genes × {shape[1]} cells, but "
            f"{feature_file.name} has {len(features)} lines and {parts[BARCODES].name} "
            f"{len(barcodes)}. Take all three from the same folder."
        )
        raise InputError(msg)
    matrix = _read_part(parts[MATRIX], read_matrix_market)
    features, barcodes = without_counts(features), without_counts(barcodes)
    adata = anndata.AnnData(matrix.tocsr() if by_cell else matrix.T.tocsr())
    adata.obs_names = barcodes[0].to_numpy()
    adata.var_names = features[min(1, features.shape[1] - 1)].to_numpy()
    adata.var["gene_ids"] = features[0].to_numpy()
    if features.shape[1] > 2:
        adata.var["feature_types"] = features[2].to_numpy()
    if SYMBOLS in parts and len(symbols := _read_part(parts[SYMBOLS], read_names)) == len(
        features
    ):
        adata.var_names = symbols[0].to_numpy()
    stored = STORED
    if by_cell:
        stored = Orientation(CELLS_BY_GENES, "the lengths of its lists of names say so")
    return split_by_splicing(_genes_only(adata, folder), folder), stored


def _fit(
    path: Path, shape: tuple[int, int], features: "pd.DataFrame", barcodes: "pd.DataFrame"
) -> tuple[bool | None, "pd.DataFrame", "pd.DataFrame"]:
    """Tell whether the rows of the matrix are cells, and drop headers; None: lengths differ."""
    by_cell_first = any(re.match(rf"(.*_)?{mark}", path.name) for mark in _BY_CELL)
    for genes in (features, without_header(features)):
        for cells in (barcodes, without_header(barcodes)):
            fits = {False: (len(genes), len(cells)), True: (len(cells), len(genes))}
            for by_cell in (by_cell_first, not by_cell_first):
                if fits[by_cell] == shape:
                    return by_cell, genes, cells
    return None, features, barcodes


def read_10x_h5(path: Path) -> tuple["AnnData", Orientation]:
    """Read a 10x `.h5` of Cell Ranger 2 or later.

    Raises
    ------
    InputError
        The file is no 10x matrix, or holds several genomes.
    """
    import h5py
    import scanpy as sc

    with h5py.File(path, "r") as file:
        inside = names_in(file)
        matrices = [name for name in inside if _is_10x_group(file.get(name))]
        check_declared(path, *(file[name] for name in matrices))
    if not matrices:
        hint = " It looks like an .h5ad: rename it." if {"obs", "var"} <= set(inside) else ""
        msg = (
            f"{path} is no 10x .h5: it holds {', '.join(inside) or 'nothing'}; expected a group "
            f"`matrix` (Cell Ranger 3) or one named after the genome (Cell Ranger 2).{hint}"
        )
        raise InputError(msg)
    if "matrix" not in matrices and len(inside) > 1:
        msg = (
            f"{path} holds several genomes ({', '.join(inside)}). Write the one you want as "
            f'.h5ad: scanpy.read_10x_h5(path, genome="{inside[0]}").write_h5ad("cells.h5ad").'
        )
        raise InputError(msg)
    return _genes_only(sc.read_10x_h5(path, gex_only=False), path), STORED


def _read_part(path: Path, read: Callable[[Path], Any]) -> Any:
    """Read one of the three files; an error names it."""
    try:
        return read(path)
    except Exception as error:
        raise cannot_read(path, "part of a 10x folder", error) from error


def _is_10x_group(group: Any) -> bool:
    return hasattr(group, "keys") and "barcodes" in group


def _genes_only(adata: "AnnData", path: Path) -> "AnnData":
    """Keep the features whose type is gene expression; a column without types keeps all."""
    if "feature_types" not in adata.var:
        return adata
    types = adata.var["feature_types"].astype(str)
    lower = types.str.strip().str.lower()
    is_gene = np.asarray(lower == _GENE_EXPRESSION)
    is_other = np.asarray(lower.isin(_OTHER_TYPES))
    if is_other.all() and len(is_other):
        msg = (
            f"{path} has no feature of type Gene Expression, only "
            f"{', '.join(sorted(set(types)))}. Pass a gene expression matrix."
        )
        raise InputError(msg)
    if not is_gene.any():
        is_gene = ~is_other
        if len(is_gene):
            logger.warning(
                "%s: the third column holds no types of features (%s), so %d features are taken "
                "for genes",
                path,
                _some(types[is_gene]),
                is_gene.sum(),
            )
    if is_gene.all():
        return adata
    logger.info(
        "kept %d Gene Expression features of %d (without %s)",
        is_gene.sum(),
        len(is_gene),
        _some(types[~is_gene]),
    )
    return adata[:, is_gene].copy()


def _some(types: "pd.Series") -> str:
    kinds = sorted({*types})
    return ", ".join(kinds[:5]) + (", …" if len(kinds) > 5 else "")
