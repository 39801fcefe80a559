"""Cells in every format that users have, each written by the library that the format is from."""

import gzip
import shutil
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

if TYPE_CHECKING:
    from anndata import AnnData

N_CELLS, N_GENES = 11, 5
Writer = Callable[["AnnData", Path], Path]


def counted_cells(cell_name: str) -> "AnnData":
    """Counts of 11 cells × 5 genes, the cells named by a pattern such as `cell_{}`."""
    import anndata

    counts = np.random.default_rng(0).poisson(2.0, (N_CELLS, N_GENES)).astype("float32")
    return anndata.AnnData(
        X=counts,
        obs=pd.DataFrame(index=[cell_name.format(number) for number in range(N_CELLS)]),
        var=pd.DataFrame(index=["GATA1", "SPI1", "CEBPA", "ACTB", "RPL3"]),
    )


def assert_same_cells(read: "AnnData", expected: "AnnData") -> None:
    assert list(read.obs_names) == list(expected.obs_names)
    assert list(read.var_names) == list(expected.var_names)
    assert read.X.dtype == np.float32
    values = read.X.toarray() if sp.issparse(read.X) else read.X
    np.testing.assert_array_equal(values, expected.X)


def write_h5ad(adata: "AnnData", folder: Path) -> Path:
    adata.write_h5ad(folder / "cells.h5ad")
    return folder / "cells.h5ad"


def write_zarr(adata: "AnnData", folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the version of zarr to come
        adata.write_zarr(folder / "cells.zarr")
    return folder / "cells.zarr"


def write_zarr_zip(adata: "AnnData", folder: Path) -> Path:
    store = write_zarr(adata, folder)
    return Path(shutil.make_archive(str(store), "zip", store))


def write_loom(adata: "AnnData", folder: Path, genes: str = "Gene", cells: str = "CellID") -> Path:
    """Write with loompy; `genes` and `cells` are the attributes that hold the names."""
    import loompy

    values = adata.X if not hasattr(adata.X, "toarray") else adata.X.toarray()
    rows, columns = adata.var_names.to_numpy(str), adata.obs_names.to_numpy(str)
    path = folder / "cells.loom"
    loompy.create(str(path), values.T, {genes: rows}, {cells: columns})
    return path


def write_10x_v2(adata: "AnnData", folder: Path) -> Path:
    """Write the three plain files of Cell Ranger 2."""
    _write_matrix(adata, folder / "matrix.mtx")
    _write_lines(folder / "genes.tsv", (f"ENS{i}\t{name}" for i, name in _numbered(adata)))
    _write_lines(folder / "barcodes.tsv", adata.obs_names)
    return folder


def write_10x_v3(
    adata: "AnnData", folder: Path, prefix: str = "", kinds: Iterable[str] | None = None
) -> Path:
    """Write the three gzipped files of Cell Ranger 3; `kinds` are the types of the features."""
    kinds = list(kinds or ["Gene Expression"] * adata.n_vars)
    _write_matrix(adata, folder / f"{prefix}matrix.mtx.gz")
    rows = (
        f"ENS{i}\t{name}\t{kind}" for (i, name), kind in zip(_numbered(adata), kinds, strict=True)
    )
    _write_lines(folder / f"{prefix}features.tsv.gz", rows)
    _write_lines(folder / f"{prefix}barcodes.tsv.gz", adata.obs_names)
    return folder


def write_10x_h5(
    adata: "AnnData", folder: Path, version: int = 3, kinds: Iterable[str] | None = None
) -> Path:
    """Write the layout of Cell Ranger 2 (a group per genome) or 3 (a group `matrix`)."""
    import h5py
    import numpy as np
    import scipy.sparse as sp

    counts = sp.csr_matrix(adata.X)
    path = folder / "cells.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix" if version == 3 else "GRCh38")
        for name in ("data", "indices", "indptr"):
            group[name] = getattr(counts, name)
        group["shape"] = np.array([adata.n_vars, adata.n_obs], dtype="int32")
        ids = [f"ENS{i}" for i in range(adata.n_vars)]
        group["barcodes"] = _bytes(adata.obs_names)
        if version == 2:
            group["genes"], group["gene_names"] = _bytes(ids), _bytes(adata.var_names)
            return path
        features = group.create_group("features")
        features["name"], features["id"] = _bytes(adata.var_names), _bytes(ids)
        features["feature_type"] = _bytes(kinds or ["Gene Expression"] * adata.n_vars)
        features["genome"] = _bytes(["GRCh38"] * adata.n_vars)
    return path


def write_10x_h5_v2(adata: "AnnData", folder: Path) -> Path:
    return write_10x_h5(adata, folder, version=2)


def text_writer(name: str, rows: str) -> Writer:
    """Return a writer of the table `name` whose rows are the genes or the cells."""

    def write(adata: "AnnData", folder: Path) -> Path:
        frame = adata.to_df() if rows == "cell" else adata.to_df().T
        separator = "," if ".csv" in name else "\t"
        frame.to_csv(folder / name, sep=separator, index_label=rows)
        return folder / name

    return write


def write_beeline(adata: "AnnData", folder: Path) -> Path:
    """Write ExpressionData.csv and a pseudotime, its cells in reverse order."""
    import pandas as pd

    adata.to_df().T.to_csv(folder / "ExpressionData.csv")
    times = pd.DataFrame({"PseudoTime": range(adata.n_obs)}, index=adata.obs_names)
    times[::-1].to_csv(folder / "PseudoTime.csv")
    return folder


WRITERS: dict[str, Writer] = {
    "h5ad": write_h5ad,
    "zarr": write_zarr,
    "zarr zip": write_zarr_zip,
    "loom": write_loom,
    "10x folder v2": write_10x_v2,
    "10x folder v3": write_10x_v3,
    "10x h5 v2": write_10x_h5_v2,
    "10x h5 v3": write_10x_h5,
    **{
        f"{name}, {rows}s as rows": text_writer(name, rows)
        for name in ("cells.csv", "cells.tsv", "cells.csv.gz", "cells.tsv.gz")
        for rows in ("gene", "cell")
    },
    "BEELINE folder": write_beeline,
}


def _numbered(adata: "AnnData") -> Iterable[tuple[int, str]]:
    return enumerate(adata.var_names)


def _bytes(names: Iterable[str]) -> list[bytes]:
    return [name.encode() for name in names]


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


def _write_matrix(adata: "AnnData", path: Path) -> None:
    import scipy.io
    import scipy.sparse as sp

    counts = sp.coo_matrix(adata.X.T)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wb") as file:
        scipy.io.mmwrite(file, counts, precision=9)
