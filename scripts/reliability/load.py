"""Load: a million cells, or many genes and regulators, from a file to edges, and their memory."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from row import Row
from watch import Watched, watched

sys.path.append(str(Path(__file__).resolve().parents[1] / "timing"))
from simulated_cells import SPARSE, gene_names, write_cells


class Case(NamedTuple):
    """Cells of which a twentieth of the values is not 0, and the memory that they may take."""

    n_cells: int
    n_genes: int
    n_tfs: int
    most_bytes: float
    on_disk: tuple[bool, ...] = (False,)
    """Whether the matrix stays in the file: once for each run."""


FULL = (
    Case(1_000_000, 2000, 100, 4e9, (False, True)),
    Case(100_000, 15_000, 1000, 8e9),
)
SHORT = tuple(Case(n_cells, 2000, 100, 2e9, (False, True)) for n_cells in (2000, 20_000))

BYTES_PER_CELL = {False: 8000.0, True: 4000.0}
"""Most bytes by which the peak may grow with a cell of 2000 genes, in memory and on disk. A dense
copy of the cells in float32 would be 8000; blocks that are still growing at these sizes count."""


def rows(*, short: bool) -> Iterator[Row]:
    """Yield a row for every run, or with `short` for the growth of the peak with cells."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not short:
            for case in FULL:
                for on_disk, used in runs(case, folder):
                    yield row_of(case, used, on_disk=on_disk)
            return
        few, many = (dict(runs(case, folder)) for case in SHORT)
        n_more = SHORT[1].n_cells - SHORT[0].n_cells
        for on_disk in few:
            grown = (many[on_disk].peak - few[on_disk].peak) / n_more
            yield Row(
                f"{n_more:,} cells more of {SHORT[0].n_genes} genes, {where(on_disk)}",
                1,
                int(grown <= BYTES_PER_CELL[on_disk] and fits(SHORT[1], many[on_disk])),
                f"{grown / 1e3:.1f} kB per cell, {described(SHORT[1], many[on_disk])}",
            )


def runs(case: Case, folder: Path, cells: Path | None = None) -> Iterator[tuple[bool, Watched]]:
    """Yield what `grn infer` used for each way to hold the matrix.

    Parameters
    ----------
    case
        Sizes.
    folder
        Where the results go, and the cells if there are none yet.
    cells
        File of the cells; None writes them.
    """
    if cells is None:
        cells = folder / "cells.h5ad"
        write_cells(cells, case.n_cells, case.n_genes, most=SPARSE)
    tfs = folder / "tfs.txt"
    tfs.write_text("\n".join(gene_names(case.n_genes)[: case.n_tfs]) + "\n", encoding="utf-8")
    grn = str(Path(sys.executable).with_name("grn"))
    for on_disk in case.on_disk:
        command = [grn, "infer", str(cells), "--tfs", str(tfs), "--overwrite"]
        command += ["--output", str(folder / "result")]
        command += ["--set", f"data.on_disk={str(on_disk).lower()}"]
        yield on_disk, watched(command, folder / "log.txt")


def row_of(case: Case, used: Watched, *, on_disk: bool) -> Row:
    """Return the row of one run, which survives if its memory stays below the limit."""
    what = (
        f"{case.n_cells:,} cells × {case.n_genes:,} genes, {case.n_tfs:,} TFs, {where(on_disk)}, "
        f"under {case.most_bytes / 1e9:.0f} GB"
    )
    return Row(what, 1, int(fits(case, used)), described(case, used))


def where(on_disk: bool) -> str:
    """Return in words where the matrix is."""
    return "matrix left in the file" if on_disk else "matrix in memory"


def fits(case: Case, used: Watched) -> bool:
    """Return whether the memory stayed below the limit."""
    return used.peak < case.most_bytes


def described(case: Case, used: Watched) -> str:
    """Return time, throughput and memory in words."""
    fifths = ", ".join(f"{used.between(i / 5, (i + 1) / 5) / 1e9:.2f}" for i in range(5))
    return (
        f"{used.seconds:.0f} s, {case.n_cells / used.seconds:,.0f} cells per second, peak "
        f"{used.peak / 1e9:.2f} GB (most in each fifth of the time: {fifths})"
    )
