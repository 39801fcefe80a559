"""The timing scripts at tiny sizes: on a GPU, or on the CPU with Triton's interpreter."""

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

# Before flashsign and Triton are imported, which read it: without a GPU, kernels run on the CPU.
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts/timing"


@pytest.fixture(scope="session")
def device() -> str:
    """Where the kernels run."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(scope="package", autouse=True)
def scripts() -> Iterator[Path]:
    """The folder of the scripts, which import each other from there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        yield SCRIPTS


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark; nothing is compiled, and a run takes as many ms as its pass has products."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    script = importlib.import_module("flashsign_gpu")
    duration = {"forward": 2.0, "forward + backward": 7.0}
    monkeypatch.setattr(script, "milliseconds", lambda run: duration[run.args[-1]])
    return script


@pytest.fixture
def peers(gpu: ModuleType) -> ModuleType:
    """The ways to attend, not compiled."""
    return importlib.import_module("attention_peers")


@pytest.fixture
def made_up_gpu(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a GPU that torch reports, whatever there is."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "made-up chip")
    return "made-up chip"


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """No GPU, whatever there is."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
