import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from grn.data.datamodule import Minibatch
from grn.data.dataset import CellDataset
from grn.errors import InputError
from grn.training import distributed
from grn.training.distributed import check_one_machine, check_processes, count_all, own_share
from grn.training.fit import build_loader, build_predictor, build_trainer
from tests.helpers import fast_config, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.training.module import PredictionModule


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine of two cores without a GPU, on which `grn train` was called."""
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/grn", "train"])
    monkeypatch.setattr(distributed.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    for name in ("TORCHELASTIC_RUN_ID", "SLURM_NTASKS", "LOCAL_RANK", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_processes_of_all_machines_are_counted() -> None:
    for trainer, expected in (
        ({"devices": 1}, 1),
        ({"devices": "2", "num_nodes": 3}, 6),
        ({"devices": [0, 3]}, 2),
    ):
        assert count_all(trainer) == expected


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["trainer.devices=3"], "at most 2: this machine has 2 core"),
        (["trainer.devices=1", "trainer.accelerator=gpu", "trainer.num_nodes=2"], "has 0 GPU"),
        (["trainer.devices=2", "trainer.accelerator=mps"], "has 1 device"),
        (["trainer.devices=2", "trainer.strategy=fsdp"], "expected ddp for several"),
        (["trainer.devices=2", "data.loader.minibatch_size=9"], "multiple of the 2 processes"),
        (
            ["trainer.devices=2", "objective=supervised", "split=unseen_tf"],
            "known edges are trained on in one process",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    command: pytest.MonkeyPatch, tmp_path: Path, overrides: list[str], message: str
) -> None:
    check_processes(fast_config(tmp_path, "trainer.devices=2"))
    with pytest.raises(InputError, match=message):
        check_processes(fast_config(tmp_path, *overrides))


@pytest.mark.parametrize(
    ("found", "asked", "message"),
    [
        (
            {"TORCHELASTIC_RUN_ID": "x", "RANK": "1", "WORLD_SIZE": "2"},
            1,
            "torchrun started 2 process.* to be 2, and it is 1",
        ),
        ({"SLURM_NTASKS": "4", "SLURM_PROCID": "0"}, 2, "SLURM started 4"),
        ({"SLURM_NTASKS": "4", "SLURM_PROCID": "3"}, 1, "SLURM started 4"),
    ],
)
def test_processes_that_were_started_have_to_be_asked_for(
    command: pytest.MonkeyPatch, tmp_path: Path, found: dict[str, str], asked: int, message: str
) -> None:
    for name, value in found.items():
        command.setenv(name, value)
    with pytest.raises(InputError, match=message):
        check_processes(fast_config(tmp_path, f"trainer.devices={asked}"))


def test_one_run_in_an_allocation_of_many_tasks_is_no_mistake(
    command: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command.setenv("SLURM_NTASKS", "4")
    command.setenv("SLURM_PROCID", "0")
    check_processes(fast_config(tmp_path))
    check_one_machine({"devices": 2, "strategy": "ddp_fork", "accelerator": "cpu"})
    # Lightning would refuse the four tasks, or wait for them.
    assert build_trainer(fast_config(tmp_path)).world_size == 1
    command.setenv("SLURM_PROCID", "3")
    with pytest.raises(InputError, match="SLURM started 4"):
        check_one_machine({"devices": 1})


def test_python_has_no_command_to_start_again(command: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command.setattr(sys, "argv", ["ipykernel_launcher.py"])
    with pytest.raises(InputError, match=r"expected 1 in Python.*torchrun"):
        check_processes(fast_config(tmp_path, "trainer.devices=2"))


def test_pretraining_starts_its_processes_itself(command: pytest.MonkeyPatch) -> None:
    check_one_machine({"devices": 2, "strategy": "ddp_fork", "accelerator": "cpu"})
    with pytest.raises(InputError, match="at most 2"):
        check_one_machine({"devices": 3, "accelerator": "cpu"})
    with pytest.raises(InputError, match="on one machine"):
        check_one_machine({"devices": 1, "num_nodes": 2})
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "RANK": "0", "WORLD_SIZE": "2"}.items():
        command.setenv(name, value)
    with pytest.raises(InputError, match="torchrun started 2"):
        check_one_machine({"devices": 2, "accelerator": "cpu"})


@pytest.mark.parametrize("strategy", ["ddp", "auto", None])
def test_pretraining_does_not_run_its_command_again(
    command: pytest.MonkeyPatch, strategy: str | None
) -> None:
    trainer = {"accelerator": "cpu", "strategy": strategy}
    check_one_machine({**trainer, "devices": 1})
    check_one_machine({**trainer, "devices": 2, "strategy": "ddp_spawn"})
    with pytest.raises(
        InputError, match=r"strategy=.*expected trainer\.strategy=ddp_fork or ddp_s"
    ):
        check_one_machine({**trainer, "devices": 2})


def test_a_number_that_is_not_given_is_one(command: pytest.MonkeyPatch, tmp_path: Path) -> None:
    check_one_machine({"accelerator": "cpu"})
    assert count_all({}) == 1
    config = fast_config(tmp_path, "~trainer.devices")
    check_processes(config)
    assert build_trainer(config).num_devices == 1


def process(rank: int, n_processes: int = 2) -> Any:
    """Stand for the trainer of one of several processes."""
    return SimpleNamespace(world_size=n_processes, global_rank=rank)


def test_shares_are_disjoint_equal_and_complete() -> None:
    rows = torch.arange(12)
    shares = [own_share(process(rank, 3), rows)[0] for rank in range(3)]
    assert [len(share) for share in shares] == [4, 4, 4]
    assert sorted(torch.cat(shares).tolist()) == rows.tolist()
    for alone in (None, process(0, 1)):
        assert own_share(alone, rows)[0] is rows


def gradients(module: "PredictionModule", minibatch: Minibatch, among: Any) -> torch.Tensor:
    module.zero_grad()
    torch.manual_seed(3)
    module._loss(minibatch, among=among).backward()
    return torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])


def test_gradients_of_the_shares_have_the_mean_of_one_process(
    small: "AnnData", tmp_path: Path
) -> None:
    config, cells = fast_config(tmp_path), CellDataset(small)
    module = build_predictor(config, cells, tfs_of(small), build_loader(config, cells), {})
    perturbed = torch.zeros(8, len(cells.genes), dtype=torch.bool)
    perturbed[1, 5] = perturbed[4, 2] = True
    minibatch = Minibatch(cells.rows(torch.arange(8).numpy()), perturbed)
    whole = gradients(module, minibatch, None)
    shares = [gradients(module, minibatch, process(rank)) for rank in range(2)]
    assert not torch.allclose(shares[0], whole, rtol=0.05)
    torch.testing.assert_close(sum(shares) / 2, whole, rtol=1e-4, atol=1e-7)
