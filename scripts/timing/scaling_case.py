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

import lightning as L
import numpy as np
import torch
from simulated_cells import gene_names, write_cells

from grn.config import compose_config
from grn.runs.run import run

N_TFS = 100
STEPS, WARM_UP = 25, 5
"""Training steps of a run, and how many of them come before the timed ones."""

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
