"""The commands that are disturbed, with settings so small that each takes a few seconds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grn.simulation.random_network import simulate

_QUIET = ("trainer.accelerator=cpu", "callbacks.progress_bar=null")
_STEPS = ("trainer.max_steps=40", "trainer.val_check_interval=5")
_RESULT = ("edges.tsv", "network.h5ad", "adjacencies.tsv", "regulons.gmt", "network.graphml")
_TRAINED = (*_RESULT, "metrics.json", "checkpoints/best.ckpt", "checkpoints/last.ckpt")
# Format of `grn export`, and the file that it writes.
_FORMATS = {
    "scenic": "adjacencies.tsv",
    "gmt": "regulons.gmt",
    "graphml": "network.graphml",
    "cx2": "network.cx2",
    "celloracle": "base_network.parquet",
    "r": "edges.csv",
}


@dataclass(frozen=True)
class Stage:
    """A command, and the files of its result that are compared.

    Attributes
    ----------
    name
        In words.
    arguments
        Arguments of `grn`, for a folder that does not exist yet.
    files
        Names in that folder.
    """

    name: str
    arguments: Callable[[Path], list[str]]
    files: tuple[str, ...]


@dataclass(frozen=True)
class Inputs:
    """Files that the commands read."""

    cells: Path
    tfs: Path
    library: Path
    """Data folder with the set beeline/toy."""

    @property
    def infer(self) -> list[str]:
        """Arguments that all inferences have in common."""
        return ["infer", str(self.cells), "--tfs", str(self.tfs)]


def write_inputs(folder: Path) -> Inputs:
    """Simulate cells of 8 TFs and 40 targets, and write them for all commands."""
    adata = simulate(n_tfs=8, n_targets=40, n_cells=200, seed=0)
    truth = adata.uns.pop("truth")
    tfs = "\n".join(adata.var_names[adata.var["is_tf"]]) + "\n"
    toy = folder / "data/beeline/toy"
    toy.mkdir(parents=True)
    truth.to_csv(toy / "edges_all.csv", index=False)
    for name in (folder / "cells.h5ad", toy / "expression.h5ad"):
        adata.write_h5ad(name)
    for name in (folder / "tfs.txt", toy / "tfs.txt"):
        name.write_text(tfs)
    return Inputs(folder / "cells.h5ad", folder / "tfs.txt", folder / "data")


def stages(inputs: Inputs, finished: Path) -> list[Stage]:
    """Return all commands.

    Parameters
    ----------
    inputs
        From `write_inputs`.
    finished
        Folder of a finished run, for exports.
    """
    exports = [
        Stage(f"export ({form})", _exporting(finished, form), (file,))
        for form, file in _FORMATS.items()
    ]
    return [
        Stage("training: grn infer --train", lambda out: training(inputs, out), _TRAINED),
        Stage("training: train.py", _train, _TRAINED),
        Stage("read-out: grn infer --bootstraps 2", lambda out: _readout(inputs, out), _RESULT),
        *exports,
        Stage("benchmark", _benchmark, ("results.csv",)),
        Stage("pretraining", _pretrain, ("transformer.pt",)),
    ]


def training(inputs: Inputs, out: Path) -> list[str]:
    """Return the arguments of a run that trains the predictor."""
    return [*inputs.infer, "--output", str(out), "--train", "--set", *_STEPS, *_QUIET]


def _train(out: Path) -> list[str]:
    return ["train", f"hydra.run.dir={out}", "logger=none", *_STEPS, *_QUIET]


def _readout(inputs: Inputs, out: Path) -> list[str]:
    return [*inputs.infer, "--output", str(out), "--bootstraps", "2"]


def _exporting(finished: Path, form: str) -> Callable[[Path], list[str]]:
    def arguments(out: Path) -> list[str]:
        out.mkdir(parents=True, exist_ok=True)
        return ["export", str(finished), "--to", form, "--output", str(out / _FORMATS[form])]

    return arguments


def _benchmark(out: Path) -> list[str]:
    return [
        "benchmark",
        "methods=[pearson,closed_form,spherical]",
        "datasets=[beeline/toy/all]",
        "seeds=[0]",
        "regimes=[unsupervised]",
        f"cache={out}/cache",
        f"output={out}",
        "logger=none",
        "n_jobs=1",
    ]


def _pretrain(out: Path) -> list[str]:
    none = ("boolean", "large_boolean", "single_cell")
    return [
        "pretrain",
        "n_networks.bulk=24",
        *(f"n_networks.{kind}=0" for kind in none),
        "max_steps=40",
        "trainer.val_check_interval=5",
        "trainer.devices=1",
        "trainer.strategy=auto",
        "real=[]",
        "logger=none",
        "n_jobs=1",
        f"output={out}",
    ]
