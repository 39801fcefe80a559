"""Fixtures that more than one test file uses, and the tests that are quick."""

import logging
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# Before torch is loaded: threads of tiny matrices, in two processes at once, only wait.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["WANDB_MODE"] = "offline"
# No test reaches beyond this machine, nor what is cached on it.
os.environ |= {"HTTPS_PROXY": "http://127.0.0.1:9", "XDG_CACHE_HOME": tempfile.mkdtemp()}

import torch

# Before a kernel is imported: without a GPU, Triton runs kernels on CPU tensors.
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"

if TYPE_CHECKING:
    from anndata import AnnData
    from omegaconf import DictConfig

    from grn.interventions import Interventions
    from grn.model.pretrained import GeneNetwork


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the files of slow tests unread where quick ones are asked for."""
    from tests.durations import holds_quick, recorded

    if config.getoption("markexpr") != "fast" or not collection_path.name.startswith("test_"):
        return None
    file = collection_path.relative_to(config.rootpath).as_posix()
    return None if holds_quick(file, recorded()) else True


@pytest.hookimpl(tryfirst=True)  # before `-m fast` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none; mark what was quick when it was last measured."""
    from tests.durations import is_quick, recorded

    seconds = recorded()
    for item in items:
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
        elif is_quick(item, seconds):
            item.add_marker(pytest.mark.fast)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Start every test from the same random numbers, in whatever order they run."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """Undo what a test's command line did to logging, or later tests would hear more."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


# Beside the checkout; the package itself looks at `GRN_DATA` alone.
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the shared data sets; the test skips where there is none."""
    folder = Path(os.environ.get("GRN_DATA", SHARED_DATA))
    if not (folder / "beeline").is_dir():
        pytest.skip(f"no shared data at {folder}; set GRN_DATA to the folder that holds beeline/")
    return folder


@pytest.fixture(scope="session")
def simulated() -> "AnnData":
    """400 cells of a signed network, 10 TFs and 40 targets; counts. Not to be changed."""
    from grn.simulation.random_network import simulate

    return simulate(n_tfs=10, n_targets=40, n_cells=400, seed=0)


@pytest.fixture(scope="session")
def small() -> "AnnData":
    """60 cells of 4 TFs and 12 targets; counts. Not to be changed."""
    from grn.simulation.random_network import simulate

    return simulate(n_tfs=4, n_targets=12, n_cells=60, seed=0)


@pytest.fixture
def screen(small: "AnnData") -> "AnnData":
    """`small` with `obs["guide"]`: controls, two perturbed genes, and a gene of other cells."""
    adata = small.copy()
    labels = ["NT_1", "TF01_1", "sgTF01-2", "TF02+TF01", "ABSENT"]
    adata.obs["guide"] = [labels[number % 5] for number in range(adata.n_obs)]
    return adata


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> "list[Interventions | None]":
    """Perturbations that networks are asked for with, in order; the networks ignore them."""
    from grn.inference import infer

    seen: list[Interventions | None] = []
    find_network = infer.find_network

    def listened(*given: Any) -> "GeneNetwork":
        *others, interventions, _moments = given
        seen.append(interventions)
        return find_network(*others)

    monkeypatch.setattr(infer, "find_network", listened)
    return seen


@pytest.fixture
def files(small: "AnnData", tmp_path: Path) -> dict[str, Path]:
    """The cells of `small` with TF list and truth, as files of the working folder `in`."""
    from tests.helpers import write_inputs

    return write_inputs(small, tmp_path / "in")


@pytest.fixture
def cli(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Run `grn ARGUMENTS` in this process, in `tmp_path`: exit code, stdout and stderr."""
    from grn.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    handlers, on_interrupt = logging.root.handlers[:], signal.getsignal(signal.SIGINT)

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse's and Hydra's own way out
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    yield run
    logging.root.handlers[:] = handlers
    signal.signal(signal.SIGINT, on_interrupt)


@pytest.fixture
def infer(
    cli: Callable[..., tuple[int, str, str]], files: dict[str, Path]
) -> Callable[..., tuple[int, str, str]]:
    """Run a quick `grn infer` on the small cells, with their TFs, into `out`."""
    from tests.helpers import FAST

    def run(*arguments: object, **changed: object) -> tuple[int, str, str]:
        chosen = {"cells": files["cells"], "tfs": files["tfs"], "output": "out", **changed}
        tfs = [] if chosen["tfs"] is None else ["--tfs", chosen["tfs"]]
        where = ("--output", chosen["output"])
        return cli("infer", chosen["cells"], *tfs, *where, "--set", *FAST, *arguments)

    return run


@pytest.fixture
def config(tmp_path: Path) -> "DictConfig":
    """Settings of a run of a few steps into `tmp_path / "run"`; no cells chosen."""
    from tests.helpers import fast_config

    return fast_config(tmp_path / "run")
