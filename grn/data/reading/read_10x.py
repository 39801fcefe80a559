"""Read what Cell Ranger and its like write: folders of matrix.mtx, and `.h5` files."""

import csv
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from grn.data.reading.orientation import GENES_BY_CELLS, Orientation
from grn.data.reading.unreadable import cannot_read
from grn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

logger = logging.getLogger(__name__)

STORED = Orientation(GENES_BY_CELLS, "10x fixes it")
_MATRIX, _BARCODES, _FEATURES, _GENES = "matrix.mtx", "barcodes.tsv", "features.tsv", "genes.tsv"
_PART = re.compile(r"(.*?)(matrix\.mtx|barcodes\.tsv|features\.tsv|genes\.tsv)(\.gz)?")


class Sample(NamedTuple):
    """The files of one sample: `parts` by what they are (matrix.mtx, …), and their prefix."""

    prefix: str
    parts: dict[str, Path]


def samples_of(folder: Path) -> list[Sample]:
    """Return the 10x samples of a folder, complete or not; GEO's have a prefix each."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        if match := _PART.fullmatch(path.name):
            found.setdefault(match[1], {})[match[2]] = path
    # A lone genes.tsv beside other files is no 10x sample.
    return [Sample(*item) for item in found.items() if _MATRIX in item[1] or len(item[1]) > 1]


def sample_of(path: Path) -> Sample | None:
    """Return the sample that a matrix.mtx belongs to; None for any other file."""
    match = _PART.fullmatch(path.name)
    if match is None or match[2] != _MATRIX:
        return None
    return next(sample for sample in samples_of(path.parent) if sample.prefix == match[1])


def read_10x_sample(folder: Path, samples: list[Sample]) -> tuple["AnnData", Orientation]:
    """Read the sample of a folder: matrix.mtx, barcodes.tsv, features.tsv or genes.tsv.

    Each may be gzipped or not. Unlike `scanpy.read_10x_mtx`, every name is read as text: a
    barcode 001 is no number, and `nan` is a gene of the fruit fly. Symbols are the names, as in
    scanpy, and `var["gene_ids"]` the ids.

    Raises
    ------
    InputError
        There are several samples; a file is missing, broken or of another length.
    """
    import anndata

    if len(samples) > 1:
        names = ", ".join(sample.prefix or "no prefix" for sample in samples[:5])
        msg = (
            f"{folder} holds {len(samples)} 10x samples (prefixes {names}). Pass the matrix.mtx "
            "of one of them, or a folder for each."
        )
        raise InputError(msg)
    prefix, parts = samples[0]
    _check_complete(folder, prefix, parts)
    feature_file = parts.get(_FEATURES, parts.get(_GENES, folder))
    features = _read_part(feature_file, _read_names)
    barcodes = _read_part(parts[_BARCODES], _read_names)[0]
    matrix = _read_part(parts[_MATRIX], anndata.io.read_mtx).X.T.tocsr()
    if matrix.shape != (len(barcodes), len(features)):
        msg = (
            f"{parts[_MATRIX]} holds {matrix.shape[1]} genes × {matrix.shape[0]} cells, but "
            f"{feature_file.name} has {len(features)} lines and {parts[_BARCODES].name} "
            f"{len(barcodes)}. Take all three from the same folder."
        )
        raise InputError(msg)
    adata = anndata.AnnData(matrix)
    adata.obs_names = barcodes.to_numpy()
    adata.var_names = features[min(1, features.shape[1] - 1)].to_numpy()
    adata.var["gene_ids"] = features[0].to_numpy()
    if features.shape[1] > 2:
        adata.var["feature_types"] = features[2].to_numpy()
    return _genes_only(adata, folder), STORED


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
        inside = list(file)
        matrices = [name for name in inside if _is_10x_group(file[name])]
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


def number_repeated(adata: "AnnData", whose: str) -> None:
    """Make gene names unique, in place: the second A becomes A-1, the third A-2."""
    n_repeated = int(adata.var_names.duplicated().sum())
    if n_repeated:
        adata.var_names_make_unique()
        logger.warning("%d repeated gene symbol(s) of %s numbered", n_repeated, whose)


def _check_complete(folder: Path, prefix: str, parts: dict[str, Path]) -> None:
    """Raise unless a sample has its three files, none of them empty."""
    missing = [name for name in (_MATRIX, _BARCODES) if name not in parts]
    if _FEATURES not in parts and _GENES not in parts:
        missing.append(f"{_FEATURES} (or {prefix}{_GENES})")
    if missing:
        msg = (
            f"{folder} is a 10x folder without {', '.join(prefix + name for name in missing)} "
            f"(plain or .gz). Put the missing file beside {next(iter(parts.values())).name}."
        )
        raise InputError(msg)
    empty = [str(path) for path in parts.values() if path.stat().st_size == 0]
    if empty:
        msg = f"{empty[0]} is empty; write or download it again."
        raise InputError(msg)


def _read_part(path: Path, read: Callable[[Path], Any]) -> Any:
    """Read one of the three files, and name it where that fails."""
    try:
        return read(path)
    except Exception as error:
        raise cannot_read(path, "part of a 10x folder", error) from error


def _read_names(path: Path) -> "pd.DataFrame":
    """Read a table of names as text, whatever they look like."""
    import pandas as pd

    options = {"dtype": str, "keep_default_na": False, "quoting": csv.QUOTE_NONE}
    return pd.read_csv(path, sep="\t", header=None, **options)


def _is_10x_group(group: Any) -> bool:
    return hasattr(group, "keys") and "barcodes" in group


def _genes_only(adata: "AnnData", path: Path) -> "AnnData":
    """Keep the features that are genes, and number the symbols that every reference repeats."""
    if "feature_types" in adata.var:
        types = adata.var["feature_types"].astype(str)
        is_gene = np.asarray(types == "Gene Expression")
        if not is_gene.any() and len(is_gene):
            msg = (
                f"{path} has no feature of type Gene Expression, only "
                f"{', '.join(sorted(set(types)))}. Pass a gene expression matrix."
            )
            raise InputError(msg)
        if not is_gene.all():
            dropped = ", ".join(sorted(set(types[~is_gene])))
            logger.info(
                "kept %d Gene Expression features of %d (without %s)",
                is_gene.sum(),
                len(is_gene),
                dropped,
            )
            adata = adata[:, is_gene].copy()
    number_repeated(adata, "the 10x reference")
    return adata
