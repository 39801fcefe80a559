"""One size of the scaling benchmark, in a process of its own: simulate cells, infer, measure.

    python scripts/timing/scaling_case.py CELLS GENES THREADS

Prints one line of JSON: seconds and bytes. In one process, sizes would share a peak of memory.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anndata
import h5py
import lightning as L
import numpy as np
import pandas as pd
import torch
from scipy import sparse

from grn.config import compose_config
from grn.runs.run import run

N_TFS = 100
STEPS, WARM_UP = 25, 5
"""Training steps of a run, and how many of them come before the timed ones."""

_PROGRAMMES = 8
_FEWEST, _MOST = 0.01, 0.5
_VALUES_PER_BLOCK = 1 << 22
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes that ru_maxrss counts in."""


class StepTimer(L.Callback):
    """Notes the seconds of the training steps and of the validation, and writes them as JSON.

    A step is the time from the end of one to the end of the next: rows read, noise, forward,
    backward, optimiser and Lightning's own work. Of the timed ones the median is written.

    Parameters
    ----------
    path
        File to write.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._ends: list[float] = []
        self._validation = [0.0, 0.0]

    def on_train_batch_end(self, *_: Any) -> None:
        """Note the time."""
        self._ends.append(time.perf_counter())

    def on_validation_start(self, *_: Any) -> None:
        """Note the time."""
        self._validation[0] = time.perf_counter()

    def on_validation_end(self, *_: Any) -> None:
        """Note the time."""
        self._validation[1] = time.perf_counter()

    def on_train_end(self, *_: Any) -> None:
        """Write what was noted."""
        begin, end = self._validation
        step = float(np.median(np.diff(self._ends)[WARM_UP - 1 :]))
        noted = {"step": step, "validation": end - begin}
        self._path.write_text(json.dumps(noted), encoding="utf-8")


def write_cells(path: Path, n_cells: int, n_genes: int, seed: int = 0) -> None:
    """Write Poisson counts of a few shared programmes, a block of cells at a time.

    log rate = gene + programmes of the cell × loadings of the gene. Between 1 and 50 molecules
    of a gene in 100 cells are typical, which fills about an eighth of the matrix. One more
    molecule of each gene, in one cell, sees to it that no gene is constant and dropped.

    Parameters
    ----------
    path
        File to write (.h5ad, CSR).
    n_cells, n_genes
        Sizes.
    seed
        The same seed gives the same cells.
    """
    rng = np.random.default_rng(seed)
    base = rng.uniform(np.log(_FEWEST), np.log(_MOST), n_genes)
    loadings = rng.normal(0.0, 0.3, (_PROGRAMMES, n_genes))
    genes = np.arange(n_genes)
    empty = anndata.AnnData(
        X=sparse.csr_matrix((0, n_genes), dtype=np.float32),
        var=pd.DataFrame(index=gene_names(n_genes)),
    )
    empty.write_h5ad(path)
    with h5py.File(path, "r+") as file:
        stored = anndata.io.sparse_dataset(file["X"])
        for start in range(0, n_cells, _VALUES_PER_BLOCK // n_genes):
            stop = min(n_cells, start + _VALUES_PER_BLOCK // n_genes)
            programmes = rng.normal(0.0, 1.0, (stop - start, _PROGRAMMES))
            counts = rng.poisson(np.exp(base + programmes @ loadings))
            cell = genes % n_cells
            here = (start <= cell) & (cell < stop)
            counts[cell[here] - start, genes[here]] += 1
            stored.append(sparse.csr_matrix(counts, dtype=np.float32))
        # Begun empty, it is kept in chunks of one number each, which take a gigabyte to read.
        starts = file["X/indptr"][...]
        del file["X/indptr"], file["obs"]
        file["X/indptr"] = starts
        names = [f"cell{i}" for i in range(n_cells)]
        anndata.io.write_elem(file, "obs", pd.DataFrame(index=names))


def gene_names(n_genes: int) -> list[str]:
    """Return the names of the genes; the first N_TFS are the regulators."""
    return [f"gene{i}" for i in range(n_genes)]


def measure(n_cells: int, n_genes: int, folder: Path) -> dict[str, float]:
    """Write cells and infer their network with STEPS steps, as `grn train data=file` does.

    Returns
    -------
    Seconds of a `step`; of an `epoch`, as many steps as show every training cell once; of one
    `validation`; and of the `inference`, which is everything from the file of cells to the result
    folder, without the import of libraries.
    """
    cells = folder / "cells.h5ad"
    write_cells(cells, n_cells, n_genes)
    tfs, timer = folder / "tfs.txt", folder / "steps.json"
    tfs.write_text("\n".join(gene_names(n_genes)[:N_TFS]) + "\n", encoding="utf-8")
    config = compose_config(
        [
            *("data=file", f"data.cells='{cells}'", f"data.tfs='{tfs}'"),
            "preprocess.min_cells=null",  # as many genes as the case is named after
            *("paths=folder", f"paths.run='{folder / 'run'}'", "logger=none"),
            *("trainer.accelerator=cpu", "++trainer.enable_progress_bar=false"),
            *(f"trainer.max_steps={STEPS}", f"trainer.val_check_interval={STEPS}"),
            *("callbacks.progress_bar=null", f"+callbacks.timer.path='{timer}'"),
            "+callbacks.timer._target_=scaling_case.StepTimer",
        ]
    )
    begin = time.perf_counter()
    run(config)
    inference = time.perf_counter() - begin
    measured = json.loads(timer.read_text(encoding="utf-8"))
    loader = config.data.loader
    epoch = measured["step"] * (1 - loader.val_fraction) * n_cells / loader.minibatch_size
    return {**measured, "epoch": epoch, "inference": inference}


def main() -> None:
    """Measure the size that the command line names."""
    n_cells, n_genes, n_threads = map(int, sys.argv[1:])
    torch.set_num_threads(n_threads)
    with tempfile.TemporaryDirectory() as name:
        measured = measure(n_cells, n_genes, Path(name))
    measured["peak_rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
