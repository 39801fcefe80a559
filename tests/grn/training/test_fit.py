import copy
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L
import numpy as np
import pytest
import torch

from grn.data.dataset import CellDataset
from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError, Terminated
from grn.inference.infer import infer_network
from grn.training.fit import _read_best, build_loader, build_predictor, build_trainer
from tests.helpers import fast_config, tfs_of, train

if TYPE_CHECKING:
    from anndata import AnnData
    from omegaconf import DictConfig

    from grn.training.module import PredictionModule


@pytest.fixture
def cells(small: "AnnData") -> "AnnData":
    return preprocess(small)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Give Ctrl+C back: Lightning takes it away when it is pressed."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def build(config: "DictConfig", cells: "AnnData") -> "PredictionModule":
    dataset = CellDataset(cells)
    return build_predictor(config, dataset, tfs_of(cells), build_loader(config, dataset), {})


def same(first: "PredictionModule", second: "PredictionModule") -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return all(torch.equal(ours[key], theirs[key]) for key in ours)


class Press(L.Callback):
    """Presses Ctrl+C after some steps, or asks for an end as the system does."""

    def __init__(self, step: int, kind: type[KeyboardInterrupt] = KeyboardInterrupt) -> None:
        self.step, self.kind = step, kind

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            raise self.kind


class Watch(L.Callback):
    """Remembers the validation losses and the steps they were taken at."""

    def __init__(self) -> None:
        self.losses: dict[int, float] = {}

    def on_validation_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.losses[trainer.global_step] = float(trainer.callback_metrics["val/loss"])


def test_the_predictor_starts_the_same_every_time(config: "DictConfig", cells: "AnnData") -> None:
    module = build(config, cells)
    attention = module.predictor.attention
    assert attention.tf_index.tolist() == [0, 1, 2, 3]
    assert attention.bias.shape == (16, 4)
    assert same(module, build(config, cells))


def test_the_predictor_never_sees_the_held_out_cells(
    config: "DictConfig", cells: "AnnData", monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def watched(*arguments: Any, rows: np.ndarray, **others: Any) -> Any:
        seen.append(rows)
        return infer_network(*arguments, rows=rows, **others)

    monkeypatch.setattr("grn.training.fit.infer_network", watched)
    module = build(config, cells)
    loader = build_loader(config, CellDataset(cells))
    (rows,) = seen
    assert np.array_equal(rows, loader.train_rows)
    assert not np.isin(rows, loader.val_rows).any()
    held_in = CellDataset(cells).rows(rows).mean(dim=0)
    torch.testing.assert_close(module.training_mean, held_in, atol=1e-5, rtol=1e-4)


def test_same_seed_same_parameters(tmp_path: Path, cells: "AnnData") -> None:
    modules = []
    for run, seed in enumerate((0, 0, 1)):
        config = fast_config(tmp_path / str(run), f"seed={seed}")
        modules.append(build(config, cells))
        torch.rand(run)  # whatever was drawn before must not matter
        train(config, modules[-1], cells)
    assert same(modules[0], modules[1])
    assert not same(modules[0], modules[2])


def test_parameters_of_the_least_validation_loss_are_kept(
    tmp_path: Path, cells: "AnnData"
) -> None:
    # So high a learning rate that the loss gets worse after the first steps.
    config = fast_config(
        tmp_path, "optimizer.lr=3", "trainer.val_check_interval=1", "trainer.max_steps=6"
    )
    module, watch = build(config, cells), Watch()
    untrained = copy.deepcopy(module)
    trainer = train(config, module, cells, callbacks=[watch])
    best = min(watch.losses, key=lambda step: watch.losses[step])
    assert best != max(watch.losses)
    kept = torch.load(tmp_path / "checkpoints/best.ckpt", weights_only=True)
    assert kept["global_step"] == best
    assert all(torch.equal(v, kept["state_dict"][k]) for k, v in module.state_dict().items())
    assert not same(module, untrained)
    assert not module.training
    assert next(module.parameters()).device.type == "cpu"
    assert trainer.global_step >= best


def test_validation_loss_that_stops_falling_stops_training(
    tmp_path: Path, cells: "AnnData"
) -> None:
    config = fast_config(
        tmp_path,
        "optimizer.lr=0",
        "trainer.val_check_interval=1",
        "trainer.max_steps=50",
        "callbacks.early_stopping.patience=2",
    )
    assert train(config, build(config, cells), cells).global_step < 10


def test_training_too_short_to_validate_is_refused(tmp_path: Path) -> None:
    config = fast_config(tmp_path, "trainer.val_check_interval=9")
    with pytest.raises(InputError, match=r"trainer\.max_steps=8.*Lower trainer\.val_check"):
        build_trainer(config)


def test_trainer_and_loader_are_as_configured(
    config: "DictConfig", cells: "AnnData", tmp_path: Path
) -> None:
    watch = Watch()
    trainer = build_trainer(config, [watch])
    assert trainer.max_steps == 8
    assert watch in trainer.callbacks
    assert len(trainer.callbacks) > 2
    assert len(build_loader(config, CellDataset(cells)).train_dataloader()) == 8
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("kind", [KeyboardInterrupt, Terminated])
def test_what_stops_a_fit_reaches_the_caller(
    config: "DictConfig", cells: "AnnData", kind: type[KeyboardInterrupt]
) -> None:
    with pytest.raises(KeyboardInterrupt) as stopped:
        train(config, build(config, cells), cells, callbacks=[Press(5, kind)])
    assert type(stopped.value) is kind


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupted_fit_goes_on_from_its_checkpoint(
    tmp_path: Path, config: "DictConfig", cells: "AnnData"
) -> None:
    module = build(config, cells)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(config, module, cells, callbacks=[Press(6)])
    last = tmp_path / "run/checkpoints/last.ckpt"
    watch = Watch()
    trainer = train(config, build(config, cells), cells, callbacks=[watch], resume_from=last)
    assert trainer.global_step == 8
    assert list(watch.losses) == [8]


def test_a_best_checkpoint_that_was_changed_is_said(tmp_path: Path) -> None:
    path = tmp_path / "best.ckpt"
    path.write_bytes(b"PK half of a checkpoint")
    with pytest.raises(InputError, match=r"best\.ckpt cannot be read .* with --overwrite"):
        _read_best(path)
