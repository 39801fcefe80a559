"""Measure `grn infer` on cells held in memory and on cells left on disk, as their number grows.

    python scripts/timing/cells_on_disk.py                  # 100,000 and 400,000 cells, 2000 genes
    python scripts/timing/cells_on_disk.py --cells 20000

Prints seconds from start to end and the peak of resident memory of each process, and whether both
wrote the same edges. Needs a few GB in TMPDIR for the larger one.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from markdown_table import aligned
from scaling_case import N_TFS, RSS_UNIT
from simulated_cells import gene_names, write_cells

CELLS = (100_000, 400_000)
N_GENES = 2000


def infer(cells: Path, tfs: Path, output: Path, on_disk: bool) -> tuple[float, float]:
    """Run `grn infer` in a process of its own; return its seconds and the bytes of its peak.

    Raises
    ------
    RuntimeError
        It failed; the message ends with what it said last.
    """
    command = [str(Path(sys.executable).with_name("grn")), "infer", str(cells), "--tfs", str(tfs)]
    command += ["--output", str(output), "--set", f"data.on_disk={str(on_disk).lower()}"]
    log = output.with_suffix(".log")
    started = time.perf_counter()
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        msg = f"{' '.join(command)} failed: {log.read_text(encoding='utf-8')[-2000:]}"
        raise RuntimeError(msg)
    return seconds, float(usage.ru_maxrss * RSS_UNIT)


def compare(n_cells: int, n_genes: int, folder: Path) -> list[list[str]]:
    """Return the rows of the table for one number of cells.

    Raises
    ------
    RuntimeError
        The two ways differ in their edges.
    """
    cells, tfs = folder / "cells.h5ad", folder / "tfs.txt"
    # In a process of its own: a child's peak is never less than what its parent holds.
    writer = multiprocessing.get_context("spawn").Process(
        target=write_cells, args=(cells, n_cells, n_genes)
    )
    writer.start()
    writer.join()
    tfs.write_text("\n".join(gene_names(n_genes)[:N_TFS]) + "\n", encoding="utf-8")
    rows, edges = [], set()
    for on_disk in (False, True):
        where = "on disk" if on_disk else "in memory"
        output = folder / where.replace(" ", "_")
        seconds, peak = infer(cells, tfs, output, on_disk)
        edges.add((output / "edges.tsv").read_bytes())
        rows.append([f"{n_cells:,}", where, f"{seconds:.0f}", f"{peak / 1e9:.2f}"])
    if len(edges) > 1:
        msg = f"{n_cells} cells: the edges of cells in memory and on disk differ"
        raise RuntimeError(msg)
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=list(CELLS))
    parser.add_argument("--genes", type=int, default=N_GENES)
    options = parser.parse_args(arguments)
    rows = []
    for n_cells in options.cells:
        with tempfile.TemporaryDirectory() as folder:
            rows += compare(n_cells, options.genes, Path(folder))
    print(f"{options.genes} genes, {N_TFS} TFs; both ways write the same edges\n")
    print(aligned([["cells", "where", "inference (s)", "peak (GB)"], *rows]))


if __name__ == "__main__":
    main()
