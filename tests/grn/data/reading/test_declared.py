import json
import pickle
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pytest

import grn
from grn.data.reading.declared import check_declared, names_in
from grn.errors import InputError
from tests.cell_files import (
    Writer,
    counted_cells,
    write_10x_h5,
    write_h5ad,
    write_loom,
    write_zarr,
)


class Executed:
    """An object whose pickle touches a file when it is read."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self._file,)


def declare(path: Path, name: str, shape: tuple[int, ...], **options: Any) -> None:
    """Put an array of that shape, of which nothing is written, in place of another."""
    with h5py.File(path, "r+") as file:
        attributes = dict(file[name].attrs)
        del file[name]
        file.create_dataset(name, shape, "f4", **options).attrs.update(attributes)


@pytest.mark.parametrize("name", ["X", "obs/_index", "obsm/umap"])
def test_an_h5ad_that_declares_what_it_does_not_hold_is_refused(name: str, tmp_path: Path) -> None:
    adata = counted_cells("cell_{}")
    adata.obsm["umap"] = np.zeros((11, 2), "f4")
    path = write_h5ad(adata, tmp_path)
    declare(path, name, (11, 10**7), chunks=(1, 1000))
    with pytest.raises(InputError, match=r"not safe to read: its arrays declare 4\d\d MB"):
        grn.read_cells(path, on_disk=False)


def test_so_are_a_loom_and_a_10x_h5(tmp_path: Path) -> None:
    loom = write_loom(counted_cells("cell_{}"), tmp_path)
    declare(loom, "matrix", (5, 10**8), chunks=(1, 1000))
    with pytest.raises(InputError, match="not safe to read"):
        grn.read_cells(loom)
    ten = write_10x_h5(counted_cells("cell_{}"), tmp_path)
    declare(ten, "matrix/data", (10**9,), chunks=(1000,))
    with pytest.raises(InputError, match="not safe to read"):
        grn.read_cells(ten)


def test_a_chunk_that_is_larger_than_its_array_is_counted(tmp_path: Path) -> None:
    path = write_h5ad(counted_cells("cell_{}"), tmp_path)
    declare(path, "X", (11, 5), chunks=(10**4, 10**4), maxshape=(None, None))
    with pytest.raises(InputError, match="not safe to read"):
        grn.read_cells(path, on_disk=False)


def test_well_compressed_zeros_are_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "zeros.h5", "w") as file:
        zeros = np.zeros((5000, 5000), "f4")  # 100 MB in 100 kB
        file.create_dataset("X", data=zeros, compression="gzip", compression_opts=9)
        check_declared(tmp_path / "zeros.h5", file["X"])


def test_values_in_another_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(220))
    path = write_h5ad(counted_cells("cell_{}"), tmp_path)
    declare(path, "X", (11, 5), external=[(str(tmp_path / "secret"), 0, 220)])
    with pytest.raises(InputError, match="the values of /X lie in another file"):
        grn.read_cells(path)
    layout = h5py.VirtualLayout((11, 5), "f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "X", (11, 5))
    with h5py.File(path, "r+") as file:
        del file["X"]
        file.create_virtual_dataset("X", layout)
    with pytest.raises(InputError, match="the values of /X lie in another file"):
        grn.read_cells(path)


@pytest.mark.parametrize("name", ["obs/_index", "uns/note"])
def test_a_zarr_that_would_be_unpickled_is_refused(name: str, tmp_path: Path) -> None:
    adata = counted_cells("cell_{}")
    adata.uns["note"] = np.array(["a", "b"], dtype=object)
    store = write_zarr(adata, tmp_path)
    (store / ".zmetadata").unlink()
    described = store / name / ".zarray"
    changed = {**json.loads(described.read_text()), "compressor": {"id": "pickle"}}
    described.write_text(json.dumps(changed))
    (described.parent / "0").write_bytes(pickle.dumps(Executed(tmp_path / "executed")))
    with pytest.raises(InputError, match="are pickled, and reading them would run code"):
        grn.read_cells(store)
    assert not (tmp_path / "executed").exists()


def test_a_group_that_claims_many_names_takes_no_memory_for_them() -> None:
    class Damaged(dict[str, int]):
        def __len__(self) -> int:
            return 2**60

    assert names_in(Damaged(a=1, b=2)) == ["a", "b"]
    with pytest.raises(MemoryError):
        list(Damaged(a=1))


def test_what_a_program_writes_is_read(tmp_path: Path) -> None:
    adata = anndata.AnnData(np.ones((3, 0), "f4"))
    adata.write_h5ad(tmp_path / "empty.h5ad")
    with h5py.File(tmp_path / "empty.h5ad") as file:
        check_declared(tmp_path / "empty.h5ad", file)


@pytest.mark.parametrize(
    ("write", "part"),
    [(write_h5ad, "uns"), (write_h5ad, "obsm"), (write_h5ad, "layers"),
     (write_loom, "row_attrs"), (write_loom, "col_attrs"), (write_loom, "layers")],
)  # fmt: skip
def test_an_array_where_a_group_belongs_is_refused(
    write: Writer, part: str, tmp_path: Path
) -> None:
    """Its values would be taken for names one by one: a thousand million of them here."""
    path = write(counted_cells("cell_{}"), tmp_path)
    with h5py.File(path, "a") as file:
        if part in file:
            del file[part]
        file.create_dataset(part, (10**9,), dtype="f4")
    with pytest.raises(InputError, match=f"{part} is an array where a group belongs|not safe"):
        grn.read_cells(path)
