from pathlib import Path
from typing import Any

import pytest
import torch

from grn.errors import InputError
from grn.model.blend import N_PARAMETERS
from grn.model.pretrained import FORMAT, find_network, read_pretrained
from grn.pretraining import examples, pretrain
from grn.pretraining.pretrain import RESULT, Pretraining
from grn.pretraining.real import RealNetwork
from tests.toy_networks import draw_toy_samples

SIZES: dict[str, Any] = {
    "width": 6, "n_heads": 2, "head_dim": 3, "n_channels": 5, "hidden_size": 7, "n_blocks": 1,
    "normaliser": "l2",
}  # fmt: skip


def settings(**changed: Any) -> Pretraining:
    default: dict[str, Any] = {
        "n_networks": {"boolean": 26, "bulk": 0},
        "batch_size": {"boolean": 8, "bulk": 1},
        "share": {"boolean": 0.6, "bulk": 0.4},
        "sizes": SIZES,
        "optimisation": {
            "learning_rate": 0.02, "weight_decay": 0.01, "warm_up_steps": 5, "sign_weight": 0.1,
        },
        "max_steps": 4,
        "trainer": {"accelerator": "cpu", "devices": 1, "val_check_interval": 1000},
        "seed": 0,
        "n_jobs": 1,
    }  # fmt: skip
    return Pretraining(**default | changed)


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw toys in the place of simulated networks."""
    monkeypatch.setattr(examples, "draw_samples", draw_toy_samples)


@pytest.mark.usefixtures("toys")
def test_training_tells_edges_of_networks_that_were_held_out(tmp_path: Path) -> None:
    reached = pretrain.pretrain(settings(max_steps=60), tmp_path, [])
    assert set(reached) == {"auprc_ratio/boolean", "sign_accuracy/boolean"}
    stored = torch.load(tmp_path / RESULT, weights_only=True)
    kept = {name: stored[name] for name in ("format", "sizes", "max_steps", "seed", "held_out")}
    assert kept == {
        "format": FORMAT, "sizes": SIZES, "max_steps": 60, "seed": 0, "held_out": reached,
    }  # fmt: skip
    pretrained = read_pretrained(tmp_path / RESULT)
    assert pretrained.transformer.of_pairs_mean.abs().max() > 0
    assert pretrained.left_out == {}
    untrained = pretrain.pretrain(settings(max_steps=1), tmp_path / "untrained", [])
    assert reached["auprc_ratio/boolean"] > untrained["auprc_ratio/boolean"] + 0.3
    assert reached["sign_accuracy/boolean"] > 0.8


@pytest.mark.slow
def test_the_file_is_the_same_in_any_number_of_processes(tmp_path: Path) -> None:
    asked = {"n_networks": {"boolean": 0, "bulk": 22}, "max_steps": 3}
    written = []
    for n_jobs in (1, 2):
        folder = tmp_path / str(n_jobs)
        pretrain.pretrain(settings(n_jobs=n_jobs, **asked), folder, [])
        written.append((folder / RESULT).read_bytes())
    assert written[0] == written[1]
    pretrain.pretrain(settings(seed=1, **asked), tmp_path / "other", [])
    assert (tmp_path / "other" / RESULT).read_bytes() != written[0]


@pytest.mark.usefixtures("toys")
def test_a_second_run_into_the_same_folder_starts_afresh(tmp_path: Path) -> None:
    """What is kept to go on after an interruption belongs to a run that was interrupted."""
    for folder in ("once", "twice"):
        pretrain.pretrain(settings(seed=1), tmp_path / folder, [])
    pretrain.pretrain(settings(seed=2), tmp_path / "fresh", [])
    pretrain.pretrain(settings(seed=2), tmp_path / "twice", [])
    fresh, second = ((tmp_path / folder / RESULT).read_bytes() for folder in ("fresh", "twice"))
    assert second == fresh


@pytest.mark.usefixtures("toys")
def test_an_interrupted_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = {"accelerator": "cpu", "devices": 1, "val_check_interval": 2}
    step, steps = pretrain.PretrainingModule.training_step, []

    def counted(module: Any, batch: Any, number: int) -> Any:
        steps.append(module.global_step)
        if steps == [0, 1, 2]:
            raise RuntimeError
        return step(module, batch, number)

    monkeypatch.setattr(pretrain.PretrainingModule, "training_step", counted)
    with pytest.raises(RuntimeError):
        pretrain.pretrain(settings(trainer=trainer), tmp_path / "twice", [])
    assert not (tmp_path / "twice" / RESULT).exists()
    with pytest.raises(InputError, match=r"interrupted run with other settings.*settings\.json"):
        pretrain.pretrain(settings(trainer=trainer, seed=1), tmp_path / "twice", [])
    pretrain.pretrain(settings(trainer=trainer), tmp_path / "twice", [])
    assert steps == [0, 1, 2, 2, 3]
    pretrain.pretrain(settings(trainer=trainer), tmp_path / "once", [])
    once, twice = ((tmp_path / folder / RESULT).read_bytes() for folder in ("once", "twice"))
    assert twice == once


@pytest.mark.usefixtures("toys")
def test_a_broken_checkpoint_costs_the_steps_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for folder in ("whole", "broken"):
        (tmp_path / folder).mkdir()
    pretrain._keep_settings(settings(), tmp_path / "broken")
    (tmp_path / "broken" / "last.ckpt").write_bytes(b"PK half of a file")
    pretrain.pretrain(settings(), tmp_path / "whole", [])
    assert "cannot be read" not in caplog.text
    pretrain.pretrain(settings(), tmp_path / "broken", [])
    assert "broken/last.ckpt cannot be read: training starts anew" in caplog.text
    whole, broken = ((tmp_path / folder / RESULT).read_bytes() for folder in ("whole", "broken"))
    assert broken == whole


@pytest.mark.usefixtures("toys")
def test_the_blend_is_fitted_to_real_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def fit(transformer: Any, real: list[RealNetwork], seed: int) -> Any:
        seen.append((real, seed, transformer.training))
        return torch.linspace(-1, 1, N_PARAMETERS), {"study": torch.zeros(N_PARAMETERS)}

    monkeypatch.setattr(pretrain, "fit_blend", fit)
    real: list[Any] = []
    pretrain.pretrain(settings(max_steps=1), tmp_path, real)
    assert seen == [(real, 0, False)]
    pretrained = read_pretrained(tmp_path / RESULT)
    assert torch.equal(pretrained.blend, torch.linspace(-1, 1, N_PARAMETERS))
    assert set(pretrained.left_out) == {"study"}
    found = find_network(torch.rand(31, 7), torch.tensor([2, 5]), tmp_path / RESULT)
    assert found.scores.shape == (7, 2)


def test_a_second_stage_goes_on_from_weights_and_learns_interventions(tmp_path: Path) -> None:
    first = {"n_networks": {"bulk": 4}, "batch_size": {"bulk": 1}, "share": {"bulk": 1.0}}
    pretrain.pretrain(settings(**first, max_steps=2), tmp_path / "first", [])
    second = {"n_networks": {"bulk_screen": 14}, "batch_size": {"bulk_screen": 2}}
    second |= {"share": {"bulk_screen": 1.0}, "start": str(tmp_path / "first" / RESULT)}
    reached = pretrain.pretrain(settings(**second, max_steps=12), tmp_path / "second", [])
    assert set(reached) == {"auprc_ratio/bulk_screen", "sign_accuracy/bulk_screen"}
    start, trained = (read_pretrained(tmp_path / name / RESULT) for name in ("first", "second"))
    assert not start.transformer.interventional
    assert trained.transformer.interventional
    assert torch.equal(trained.blend, start.blend)
    n = len(start.transformer.of_pairs_mean)
    assert torch.equal(trained.transformer.of_pairs_mean[:n], start.transformer.of_pairs_mean)
    assert trained.transformer.of_pairs_mean[n:].abs().max() > 0
    assert trained.transformer.strength[n:].abs().max() > 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"n_networks": {"boolean": 1, "bulk": 4}},
            "n_networks.boolean is 1; expected at least 2",
        ),
        ({"n_networks": {"boolean": -4, "bulk": 4}}, "n_networks.boolean is -4"),
        ({"n_networks": {"boolean": 0, "bulk": 0}}, "n_networks is 0 for boolean, bulk"),
        (
            {"n_networks": {"boolean": 4, "bulk_screen": 4}, "batch_size": {}, "share": {}}
            | {"batch_size": {"boolean": 1, "bulk_screen": 1}}
            | {"share": {"boolean": 1.0, "bulk_screen": 1.0}},
            "boolean, bulk_screen are asked for together; expected either perturbation screens",
        ),
        ({"sizes": SIZES | {"n_heads": 0}}, "transformer.n_heads is 0"),
        ({"batch_size": {"boolean": 0, "bulk": 1}}, "batch_size.boolean is 0"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"n_jobs": 0}, "n_jobs=0"),
    ],
)
def test_numbers_out_of_range_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        settings(**changed)


def test_kinds_that_are_not_asked_for_have_no_share() -> None:
    kinds = settings().kinds
    assert set(kinds) == {"boolean"}
    assert (kinds["boolean"].batch_size, kinds["boolean"].share) == (8, 0.6)
