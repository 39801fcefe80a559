from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from grn.model.pretrained import GeneNetwork
from grn.training.checkpoint import describe_origin
from grn.training.stored import problem_of
from tests.helpers import fast_config

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def checkpoint() -> dict[str, Any]:
    network = GeneNetwork(torch.tensor([[0.0], [0.3], [-0.2]]), {"dominance": 3.0})
    names = {"genes": ["A", "B", "C"], "tfs": ["A"]}
    origin = describe_origin(fast_config(Path("unused")), names, network, {}, "digest")
    return {**origin, "state_dict": {"predictor.gain": torch.zeros(3)}}


def test_what_a_run_writes_has_no_problem(checkpoint: dict[str, Any]) -> None:
    assert problem_of(checkpoint) is None
    del checkpoint["state_dict"]
    assert problem_of(checkpoint) is None


def test_arguments_of_a_predictor_may_be_lists_and_mappings(checkpoint: dict[str, Any]) -> None:
    predictor = checkpoint["settings"]["model"]["predictor"]
    predictor.update(sizes=[32, 16], rates={"first": [0.1, None], "gate": {"on": True}})
    assert problem_of(checkpoint) is None


def test_the_seed_of_the_data_is_newer_than_the_first_checkpoints(
    checkpoint: dict[str, Any],
) -> None:
    del checkpoint["settings"]["data"]
    assert problem_of(checkpoint) is None


def _hold_itself(checkpoint: dict[str, Any]) -> None:
    sizes: list[Any] = []
    sizes.append(sizes)
    checkpoint["settings"]["model"]["predictor"]["n_axes"] = sizes


CHANGES: dict[str, tuple[str, Change]] = {
    "twice the same gene": ("genes or regulators", lambda c: c["grn"]["genes"].append("A")),
    "a gene that is a number": ("genes or regulators", lambda c: c["grn"]["genes"].append(3)),
    "no regulators": ("genes or regulators", lambda c: c["grn"]["tfs"].clear()),
    "a foreign regulator": ("not among its genes", lambda c: c["grn"].update(tfs=["Z"])),
    "a fingerprint of bytes": ("fingerprint", lambda c: c.update(cells=b"x")),
    "scores of another shape": (
        "network does not fit",
        lambda c: c["network"].update(scores=torch.zeros(3, 2)),
    ),
    "scores that are NaN": (
        "network does not fit",
        lambda c: c["network"].update(scores=torch.full((3, 1), torch.nan)),
    ),
    "complex scores": (
        "network does not fit",
        lambda c: c["network"].update(scores=torch.zeros(3, 1, dtype=torch.complex64)),
    ),
    "a belief of text": (
        "network does not fit",
        lambda c: c["network"].update(belief={"dominance": "high"}),
    ),
    "parameters that are numbers": ("parameters", lambda c: c["state_dict"].update(x=1.0)),
    "a further setting": ("other settings", lambda c: c["settings"].update(data={})),
    "a seed below 0": ("seed", lambda c: c["settings"].update(seed=-1)),
    "a seed of the data that is text": (
        "seed",
        lambda c: c["settings"].update(data={"seed": "0"}),
    ),
    "a further setting of the data": (
        "other settings",
        lambda c: c["settings"]["data"].update(source={"_target_": "os.getcwd"}),
    ),
    "an unknown setting of the model": (
        "settings of the model",
        lambda c: c["settings"]["model"].update(n_heads=2),
    ),
    "arguments of the predictor": (
        "a class and plain values",
        lambda c: c["settings"]["model"]["predictor"].update(_args_=["exit 1"]),
    ),
    "code further down": (
        "a class and plain values",
        lambda c: c["settings"]["model"]["predictor"].update(n_axes=[{"_target_": "os.getcwd"}]),
    ),
    "code in a mapping": (
        "a class and plain values",
        lambda c: c["settings"]["model"]["predictor"].update(n_axes={"a": {"_target_": "os.x"}}),
    ),
    "a list that holds itself": ("settings of the model", _hold_itself),
    "a variable of the environment": (
        "refer to others",
        lambda c: c["settings"]["model"].update(transformer="${oc.env:WANDB_API_KEY}"),
    ),
    "no predictor": ("settings of the model", lambda c: c["settings"]["model"].pop("predictor")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_no_run_writes_is_a_problem(name: str, checkpoint: dict[str, Any]) -> None:
    said, change = CHANGES[name]
    change(checkpoint)
    problem = problem_of(checkpoint)
    assert problem is not None
    assert said in problem
