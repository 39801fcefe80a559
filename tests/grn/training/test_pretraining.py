from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from grn.errors import InputError
from grn.model.pair_encoder import PairEncoder
from grn.training import pretraining, pretraining_data
from grn.training.pretraining import Pretraining, pretrain_encoders
from grn.training.pretraining_data import Example, draw_examples, held_out_batches
from grn.training.pretraining_module import edge_loss, held_out_ratios
from tests.helpers import written
from tests.toy_networks import draw_toy_samples

NETWORKS = {"boolean": 20, "single_cell": 2, "bulk": 0}


def settings(**changed: Any) -> Pretraining:
    default: dict[str, Any] = {
        "n_networks": NETWORKS,
        "sizes": {"n_channels": 8, "n_blocks": 1},
        "n_encoders": 2,
        "max_steps": 30,
        "seed": 0,
        "n_jobs": 1,
    }
    return Pretraining(**default | changed)


@pytest.fixture(scope="module", autouse=True)
def toy_networks() -> Iterator[None]:
    """Draw toys in the place of simulated networks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretraining_data, "draw_samples", draw_toy_samples)
        yield


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    """The examples that these settings draw."""
    return draw_examples({"boolean": 20, "single_cell": 2}, seed=0, n_processes=1)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written with these settings."""
    path = tmp_path_factory.mktemp("pretrained") / "it.pt"
    pretrain_encoders(settings(), path)
    return path


def read(path: Path) -> tuple[dict[str, Any], list[PairEncoder]]:
    stored = torch.load(path, weights_only=True)
    encoders = []
    for state in stored["encoders"]:
        encoders.append(PairEncoder(**stored["sizes"]))
        encoders[-1].load_state_dict(state)
    return stored, encoders


def loss(encoder: PairEncoder, examples: list[Example]) -> float:
    with torch.no_grad():
        losses = [
            edge_loss(encoder(batch.statistics, batch.is_tf, batch.is_gene), batch)
            for batch in held_out_batches(examples)
        ]
    return float(torch.stack(losses).mean())


def test_networks_that_were_held_out_are_told_better_than_by_chance(
    pretrained: Path, examples: list[Example]
) -> None:
    stored, encoders = read(pretrained)
    assert len(encoders) == 2
    for encoder in encoders:
        untrained = PairEncoder(**stored["sizes"])
        untrained.standardise_by(encoder.mean, encoder.spread)
        assert loss(encoder, examples) < loss(untrained, examples) - 0.02
    reached = held_out_ratios(encoders, held_out_batches(examples))
    assert reached == stored["held_out"]
    assert set(reached) == {"boolean", "single_cell"}
    assert min(reached.values()) > 1.5


def test_the_file_says_how_it_was_made(pretrained: Path) -> None:
    stored, encoders = read(pretrained)
    kept = {name: stored[name] for name in ("n_networks", "max_steps", "seed", "sizes")}
    assert kept == {
        "n_networks": NETWORKS,
        "max_steps": 30,
        "seed": 0,
        "sizes": {"n_channels": 8, "n_blocks": 1},
    }
    assert stored["version"]
    # One scale, that of the networks; two encoders.
    assert torch.equal(encoders[0].mean, encoders[1].mean)
    assert encoders[0].mean.abs().max() > 0
    assert not torch.equal(encoders[0].embed[0].weight, encoders[1].embed[0].weight)


def test_the_file_follows_from_the_seed_whatever_the_number_of_processes(
    pretrained: Path, tmp_path: Path
) -> None:
    again, other = tmp_path / "again.pt", tmp_path / "other.pt"
    pretrain_encoders(settings(n_jobs=2), again)
    assert again.read_bytes() == pretrained.read_bytes()
    pretrain_encoders(settings(seed=1), other)
    assert not torch.equal(read(other)[1][0].mean, read(pretrained)[1][0].mean)


def test_a_pretraining_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(content: Any, file: Any) -> None:
        file.write(b"half")
        message = "no space left"
        raise OSError(message)

    monkeypatch.setattr(pretraining.torch, "save", full)
    with pytest.raises(InputError, match="no space left"):
        pretrain_encoders(settings(max_steps=2, n_encoders=1), tmp_path / "it.pt")
    assert written(tmp_path) == set()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"n_networks": {"boolean": 1, "bulk": 4}},
            "n_networks.boolean is 1; expected at least 2",
        ),
        ({"n_networks": {"boolean": -4, "bulk": 4}}, "n_networks.boolean is -4"),
        ({"n_networks": {"boolean": 0, "bulk": 0}}, "n_networks is 0 for boolean, bulk"),
        ({"sizes": {"n_channels": 0, "n_blocks": 1}}, "encoder.n_channels is 0"),
        ({"sizes": {"n_channels": 8, "n_blocks": 0}}, "encoder.n_blocks is 0"),
        ({"n_encoders": 0}, "n_encoders is 0; expected at least 1"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"n_jobs": 0}, "n_jobs=0"),
    ],
)
def test_numbers_out_of_range_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        settings(**changed)
