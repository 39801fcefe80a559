"""Writes `.h5ad` files of the results, so that a full disk is an error and no crash."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anndata import AnnData


def write_h5ad(adata: "AnnData", path: Path) -> None:
    """Write cells as `adata.write_h5ad(path, compression="lzf")` does, from a copy in memory.

    HDF5 can't close a file that it failed to write: on a full disk the process ends in a
    segmentation fault, some time after the error. What was put together in memory is written by
    the system, whose error is an `OSError`. The copy has the size of the compressed file.

    Parameters
    ----------
    adata
        Cells in memory. Its columns of text become categories, as anndata makes them.
    path
        File to write.

    Raises
    ------
    OSError
        The disk is full, or the folder cannot be written to.
    """
    import h5py
    from anndata.io import write_elem

    adata.strings_to_categoricals()
    with io.BytesIO() as stream:
        with h5py.File(stream, "w") as file:
            write_elem(file, "/", adata, dataset_kwargs={"compression": "lzf"})
        with path.open("wb") as target:
            target.write(stream.getvalue())
