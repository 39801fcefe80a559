"""Valid files of every format that grn reads, small, to be changed by the fuzzer."""

import gzip
import io
import json
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp
from fuzz_mutate import Case

if TYPE_CHECKING:
    from anndata import AnnData

GENES = ("GATA1", "SPI1", "CEBPA", "RUNX1", "ACTB", "RPL3", "MYC")
N_CELLS = 24


def cells() -> "AnnData":
    """Return counts of 24 cells × 7 genes, with an annotation of each kind."""
    import anndata

    counts = np.random.default_rng(0).poisson(2.0, (N_CELLS, len(GENES))).astype("float32")
    obs = pd.DataFrame(
        {"cell_type": pd.Categorical(["a", "b"] * (N_CELLS // 2)), "time": np.arange(N_CELLS)},
        index=[f"cell_{number}" for number in range(N_CELLS)],
    )
    var = pd.DataFrame({"symbol": list(GENES)}, index=list(GENES))
    return anndata.AnnData(X=counts, obs=obs, var=var, uns={"note": "x", "inner": {"n": 3}})


def text_cells() -> list[Case]:
    """Return matrices as text: both orientations, separators, with and without names, gzipped."""
    frame = cells().to_df()
    turned = frame.T.rename_axis("gene")
    texts = {
        "cells.csv": frame.to_csv(),
        "turned.tsv": turned.to_csv(sep="\t"),
        "blanks.txt": turned.to_csv(sep=" "),
        "plain.csv": frame.to_csv(index=False),
        "commented.csv": "# made by hand\n\n"
        + frame.round(1).to_csv(sep=";", lineterminator="\r\n"),
    }
    cases = [Case({name: text.encode()}, name) for name, text in texts.items()]
    cases.append(
        Case({"cells.csv.gz": gzip.compress(texts["cells.csv"].encode())}, "cells.csv.gz")
    )
    cases.append(Case({"wide.tsv": texts["turned.tsv"].encode("utf-16")}, "wide.tsv"))
    return cases


def beeline_folder() -> list[Case]:
    """Return a BEELINE folder with its pseudotime."""
    frame = cells().to_df()
    times = pd.DataFrame({"PseudoTime": np.arange(N_CELLS)}, index=frame.index)
    files = {"ExpressionData.csv": frame.T.to_csv(), "PseudoTime.csv": times.to_csv()}
    return [Case({name: text.encode() for name, text in files.items()})]


def folder_10x() -> list[Case]:
    """Return the folders of Cell Ranger 2 and 3."""
    import scipy.io

    stream = io.BytesIO()
    scipy.io.mmwrite(stream, sp.csr_matrix(cells().X.T.astype("int64")))
    matrix = stream.getvalue()
    barcodes = "".join(f"cell_{number}\n" for number in range(N_CELLS)).encode()
    genes = "".join(f"ENS{i}\t{name}\n" for i, name in enumerate(GENES)).encode()
    features = genes.replace(b"\n", b"\tGene Expression\n")
    second = {"matrix.mtx": matrix, "barcodes.tsv": barcodes, "genes.tsv": genes}
    third = {"matrix.mtx": matrix, "barcodes.tsv": barcodes, "features.tsv": features}
    packed = {f"{name}.gz": gzip.compress(data) for name, data in third.items()}
    return [Case(second), Case(third), Case(packed)]


def h5ad() -> list[Case]:
    """Return `.h5ad` files, dense, sparse by row and by column, and with layers."""
    dense, sparse, layered = cells(), cells(), cells()
    sparse.X = sp.csr_matrix(sparse.X)
    layered.layers["counts"] = sp.csc_matrix(layered.X)
    layered.raw = layered
    return [
        _written(adata, "cells.h5ad", type(adata).write_h5ad) for adata in (dense, sparse, layered)
    ]


def zarr_stores() -> list[Case]:
    """Return a zarr folder and the same as one `.zarr.zip`."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the version of zarr to come
        store = Path(folder) / "cells.zarr"
        cells().write_zarr(store)
        shutil.make_archive(str(store), "zip", store)
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(store.rglob("*"))
            if path.is_file()
        }
        packed = Path(folder, "cells.zarr.zip").read_bytes()
    return [Case({"cells.zarr.zip": packed}, "cells.zarr.zip"), Case(files, "cells.zarr")]


def loom() -> list[Case]:
    """Return a loom as loompy writes it."""
    import loompy

    def write(adata: "AnnData", path: Path) -> None:
        rows, columns = adata.var_names.to_numpy(str), adata.obs_names.to_numpy(str)
        loompy.create(str(path), adata.X.T, {"Gene": rows}, {"CellID": columns})

    return [_written(cells(), "cells.loom", write)]


def h5_10x() -> list[Case]:
    """Return the `.h5` of Cell Ranger 2 and 3."""
    return [_written(cells(), "cells.h5", write) for write in (_write_h5_2, _write_h5_3)]


def _write_h5_2(adata: "AnnData", path: Path) -> None:
    _write_h5(adata, path, "GRCh38")


def _write_h5_3(adata: "AnnData", path: Path) -> None:
    _write_h5(adata, path, "matrix")


def _write_h5(adata: "AnnData", path: Path, name: str) -> None:
    import h5py

    counts = sp.csr_matrix(adata.X)
    with h5py.File(path, "w") as file:
        group = file.create_group(name)
        for part in ("data", "indices", "indptr"):
            group[part] = getattr(counts, part)
        group["shape"] = np.array([adata.n_vars, adata.n_obs], dtype="int32")
        group["barcodes"] = adata.obs_names.to_numpy("S")
        genes, ids = adata.var_names.to_numpy("S"), adata.var_names.to_numpy("S")
        if name != "matrix":
            group["genes"], group["gene_names"] = ids, genes
            return
        features = group.create_group("features")
        features["name"], features["id"] = genes, ids
        features["feature_type"] = np.full(adata.n_vars, b"Gene Expression")
        features["genome"] = np.full(adata.n_vars, b"GRCh38")


def _written(adata: "AnnData", name: str, write: Callable[["AnnData", Path], None]) -> Case:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(adata, path)
        return Case({name: path.read_bytes()}, name)


_TF_LISTS = (
    "GATA1\nSPI1\nCEBPA\nRUNX1\n",
    "# human\nTF\nGATA1\nSPI1 # PU.1\n\nCEBPA\n",
    "GATA1, SPI1; CEBPA\nRUNX1, MYC; ACTB\n",
    '["GATA1", "SPI1", "CEBPA"]',
    "Ensembl ID\tHGNC symbol\tIs TF?\nENSG01\tGATA1\tYes\nENSG02\tSPI1\tNo\n",
)
_EDGES = (
    "source,target,weight\nGATA1,SPI1,0.5\nSPI1,MYC,-0.25\nCEBPA,ACTB,0.125\n",
    "Gene1\tGene2\tEdgeWeight\nGATA1\tSPI1\t0.5\nSPI1\tMYC\t-1e-3\n",
    "TF;target;importance\nGATA1;SPI1;0,5\nSPI1;MYC;2,25\n",
    "GATA1 SPI1 0.5\nSPI1 MYC 0.3\nCEBPA GATA1 0.1\n",
    '"","source","target","weight"\n"1","GATA1","SPI1",0.5\n"2","SPI1","MYC",0.4\n',
)
_TRUTHS = (
    "Gene1,Gene2,Type\nGATA1,SPI1,+\nSPI1,MYC,-\n",
    "GATA1\tSPI1\tActivation\t123;456\nSPI1\tMYC\tRepression\t7\nMYC\tACTB\tUnknown\t8\n",
    "source\ttarget\tlabel\nGATA1\tSPI1\t1\nSPI1\tMYC\t0\nMYC\tACTB\t1\n",
    "source_genesymbol,target_genesymbol,is_stimulation,is_inhibition\nGATA1,SPI1,1,0\nSPI1,MYC,0,1\n",
)
_ALIASES = (
    "alias\tname\nOCT4|OTF3\tPOU5F1\nPU.1\tSPI1\n",
    "PU.1,SPI1\nEryf1,GATA1\n",
    "PU.1;SPI1\nEryf1;GATA1\n",
)


def tf_lists() -> list[Case]:
    """Return lists of regulators in the shapes that are read."""
    return [_text("tfs.txt", text) for text in _TF_LISTS]


def edge_tables() -> list[Case]:
    """Return ranked edges in the spellings of several tools, gzipped, and as Parquet."""
    cases = [_text("edges.tsv", text) for text in _EDGES]
    cases.append(Case({"edges.tsv.gz": gzip.compress(_EDGES[0].encode())}, "edges.tsv.gz"))
    stream = io.BytesIO()
    pd.read_csv(io.StringIO(_EDGES[0])).to_parquet(stream)
    return [*cases, Case({"edges.parquet": stream.getvalue()}, "edges.parquet")]


def truths() -> list[Case]:
    """Return known edges with signs and labels, which priors are too."""
    return [_text("truth.csv", text) for text in _TRUTHS]


def aliases() -> list[Case]:
    """Return tables of other names."""
    return [_text("aliases.tsv", text) for text in _ALIASES]


def run_folders() -> list[Case]:
    """Return the files of a run that a report is made of."""
    edges = "source\ttarget\tweight\timportance\nGATA1\tSPI1\t0.5\t0.5\nSPI1\tMYC\t-0.25\t0.25\n"
    record = {
        "data": "blood", "n_tfs": 2, "seed": 0, "regime": "unsupervised", "seconds": 1.5,
        "belief": {"share_of_closed_form": 0.25}, "versions": {"grn": "0.1.0"},
        "preprocessing": {"n_cells": 24, "n_genes": 7, "steps": {"log1p": {}}, "input": "counts"},
        "evaluation": {"auprc_ratio": 4.1, "controls": {"random": {"auprc_ratio": 1.0}}},
    }  # fmt: skip
    files = {"edges.tsv": edges, "metrics.json": json.dumps(record), "config.yaml": "seed: 0\n"}
    return [Case({name: text.encode() for name, text in files.items()})]


def checkpoints() -> list[Case]:
    """Return what `SphericalGRN.save` writes, with and without a trained predictor."""
    import grn

    model = grn.SphericalGRN(grn.preprocess(cells(), min_cells=None), list(GENES[:4]))
    return [*_saved(model, train=False), *_saved(model, train=True)]


def _saved(model: object, *, train: bool) -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.ckpt"
        if train:
            model.train(max_steps=1, progress=False)  # type: ignore[attr-defined]
        model.save(path)  # type: ignore[attr-defined]
        yield Case({"model.ckpt": path.read_bytes()}, "model.ckpt")


def pretrained() -> list[Case]:
    """Return the weights that come with the package."""
    from grn.model.pretrained import PRETRAINED

    return [Case({"weights.pt": PRETRAINED.read_bytes()}, "weights.pt")]


def _text(name: str, text: str) -> Case:
    return Case({name: text.encode()}, name)
