"""Determinism: the same cells and the same seed give the same bytes, whatever the machine does.

Numbers of threads, new processes and seeds of Python's hashes are tried; what an interrupted
command finds is compared in `faults`.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
from faults_whole import differences
from row import Row
from scipy.stats import spearmanr
from victims import ROOT, Victims

from grn.simulation.random_network import simulate

_THREADS = (1, 2, 4)
_QUIET = ("trainer.accelerator=cpu", "callbacks.progress_bar=null")
_STEPS = ("trainer.max_steps=20", "trainer.val_check_interval=5")
_FILES = ("edges.tsv", "network.h5ad", "adjacencies.tsv", "regulons.gmt", "network.graphml")
_COMMAND = "import sys; from grn.cli import main; sys.exit(main(sys.argv[1:]))"


def rows(*, short: bool) -> Iterator[Row]:
    """Yield a row for everything that must not change a result.

    Parameters
    ----------
    short
        Whether only networks of all cells are found, with two numbers of threads.
    """
    with tempfile.TemporaryDirectory(prefix="determinism-") as folder:
        work = Path(folder)
        infer = _write_cells(work)
        threads = _THREADS[: 2 if short else 3]
        asked: dict[str, list[str]] = {"": []}
        if not short:
            asked |= {
                "--groupby": ["--groupby", "cluster"],
                "--bootstraps 2": ["--bootstraps", "2"],
                "--perturbations": ["--perturbations", "guide"],
            }
        with Victims() as victims:
            for number, (name, more) in enumerate(asked.items()):
                out = [work / f"{number}-{n}" for n in threads]
                for n, path in zip(threads, out, strict=True):
                    _run(victims, [*infer, *more, "--threads", str(n), "--output", str(path)])
                yield _compared(f"{_listed(threads)} threads: grn infer {name}".strip(), out)
            yield _trained(victims, infer, work, threads)
        yield _other_processes(infer, work)


def _write_cells(work: Path) -> list[str]:
    """Write cells, of so many pairs that threads share the work; return the common arguments."""
    adata = simulate(n_tfs=120, n_targets=200, n_cells=400, seed=0)
    del adata.uns["truth"]
    tfs = adata.var_names[adata.var["is_tf"]]
    adata.obs["cluster"] = [f"c{number % 3}" for number in range(adata.n_obs)]
    guides = ["control", *tfs[:9]]
    adata.obs["guide"] = [guides[number % 10] for number in range(adata.n_obs)]
    adata.write_h5ad(work / "cells.h5ad")
    (work / "tfs.txt").write_text("\n".join(tfs) + "\n")
    return ["infer", str(work / "cells.h5ad"), "--tfs", str(work / "tfs.txt"), "--no-report"]


def _run(victims: Victims, arguments: list[str]) -> None:
    ended = victims.run(arguments)
    if ended.code:
        raise RuntimeError(ended.said)


def _compared(what: str, folders: list[Path]) -> Row:
    """Compare all folders with the first; say how far edges are apart where they differ."""
    first, *others = folders
    found = [differences(folder, first, _FILES) for folder in others]
    figures = [_distance(f, first) for f, d in zip(folders[1:], found, strict=True) if d]
    said = "; ".join(figures) or "all files identical"
    return Row(what, len(others), sum(not one for one in found), said)


def _distance(folder: Path, reference: Path) -> str:
    tables = [
        pd.read_csv(f / "edges.tsv", sep="\t", index_col=["source", "target"])["importance"]
        for f in (folder, reference)
    ]
    ours, theirs = tables[0], tables[1].reindex(tables[0].index)
    apart, same = float((ours - theirs).abs().max()), spearmanr(ours, theirs).statistic
    return f"importances at most {apart:.1g} apart, Spearman of ranks {same:.9f}"


def _trained(victims: Victims, infer: list[str], work: Path, threads: tuple[int, ...]) -> Row:
    """Train with several numbers of threads; edges have to be the same, parameters nearly."""
    folders = [work / f"trained-{n}" for n in threads]
    for n, out in zip(threads, folders, strict=True):
        more = ["--threads", str(n), "--train", "--set", *_STEPS, *_QUIET]
        _run(victims, [*infer, "--output", str(out), *more])
    row = _compared(f"{_listed(threads)} threads: grn infer --train", folders)
    states = [
        torch.load(out / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
        for out in folders
    ]
    apart = max(
        float((value.double() - other[key].double()).abs().max())
        for other in states[1:]
        for key, value in states[0].items()
    )
    told = f"parameters of the predictor at most {apart:.1g} apart"
    return Row(row.what, row.tries, row.survived, f"{row.figures}; {told}")


def _other_processes(infer: list[str], work: Path) -> Row:
    """Find the network in new processes, each with another order of Python's sets."""
    folders = [work / "hash-0", work / "hash-1", work / "hash-random"]
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "kernels")))
    for folder in folders:
        seed = folder.name.rpartition("-")[2]
        asked = {**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", _COMMAND, *infer, "--output", str(folder)]
        subprocess.run(command, env=asked, check=True, capture_output=True)
    return _compared("new processes with PYTHONHASHSEED 0, 1, random", [work / "0-1", *folders])


def _listed(threads: tuple[int, ...]) -> str:
    return ", ".join(map(str, threads))
