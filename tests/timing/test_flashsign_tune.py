import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from flashsign import spherical_attention
from flashsign.streaming import configs
from torch import Tensor
from triton.runtime.errors import OutOfResources

SAFE, FAST = configs.Tile(32, 32, 4, 1), configs.Tile(16, 32, 4, 1)


@pytest.fixture
def key(device: str) -> Any:
    """The row for float32 heads of 16 features, with options."""
    return configs.Key(configs.chip(torch.device(device)), 16, 4, True)


@pytest.fixture
def tuner(key: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tuner with two tiles to try beside the table's; the smaller a tile, the faster."""
    script = importlib.import_module("flashsign_tune")
    monkeypatch.setattr(script, "CANDIDATES", ((16, 32, 4, 1), (64, 32, 4, 1)))
    monkeypatch.setattr(configs, "TABLE", {key: dict.fromkeys(script.KERNELS, SAFE)})

    def milliseconds(run: Any) -> float:
        tile = configs.TABLE[key][run.args[0]]
        return float(tile.block_n * tile.block_m)

    monkeypatch.setattr(script, "milliseconds", milliseconds)
    return script


@pytest.mark.parametrize("kernel", ["forward", "keys"])
def test_tuner_takes_the_fastest_right_tile(
    tuner: ModuleType, key: Any, device: str, capsys: pytest.CaptureFixture[str], kernel: str
) -> None:
    given = tuner.problem((1, 1, 37), 16, True, device, torch.float32)
    tuner.tune(kernel, key, given, given)
    small = configs.Tile(32, 16, 4, 1) if kernel == "keys" else FAST
    assert configs.TABLE[key] == {**dict.fromkeys(tuner.KERNELS, SAFE), kernel: small}
    printed = capsys.readouterr().out
    assert printed == (
        f"# {kernel} 32x32x4x1: 1024.0000 ms\n"
        f"# {kernel} {small.block_n}x{small.block_m}x4x1: 512.0000 ms\n"
    )


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (OutOfResources(300_000, 232_448, "shared memory"), "out of resource: shared memory"),
        (RuntimeError("no launch"), "no launch"),
        (None, "wrong: relative error 1.0e-03"),
    ],
    ids=["too large", "no launch", "wrong"],
)
def test_tuner_drops_a_tile(
    tuner: ModuleType,
    key: Any,
    device: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failure: Exception | None,
    reason: str,
) -> None:
    def attention(*args: Any, method: str, **options: Any) -> Tensor:
        out = spherical_attention(*args, method="reference", **options)
        if method == "reference" or configs.TABLE[key]["forward"] != FAST:
            return out
        if failure is not None:
            raise failure
        return 1.001 * out

    monkeypatch.setattr(tuner, "spherical_attention", attention)
    given = tuner.problem((1, 1, 37), 16, True, device, torch.float32)
    tuner.tune("forward", key, given, given)
    assert configs.TABLE[key]["forward"] == SAFE
    assert f"# forward 16x32x4x1: dropped, {reason}" in capsys.readouterr().out


def test_tuner_prints_rows_to_paste(
    tuner: ModuleType,
    key: Any,
    device: str,
    made_up_gpu: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tuned = []

    def tune(kernel: str, wanted: Any, checked: Any, timed: Any) -> None:
        tuned.append((kernel, wanted.options))
        configs.TABLE[wanted] = {**dict.fromkeys(tuner.KERNELS, SAFE), "map": FAST}

    problem = tuner.problem
    monkeypatch.setattr(
        tuner, "problem", lambda _, *given: problem((1, 1, 3), *given[:2], device, given[3])
    )
    monkeypatch.setattr(tuner, "tune", tune)
    assert tuner.main(["--head-dims", "11", "--dtypes", "float32"]) == 0
    assert len(tuned) == 2 * len(tuner.KERNELS) - 1  # without options there is no bias
    assert ("bias", False) not in tuned
    rows = [row for row in capsys.readouterr().out.splitlines() if not row.startswith("#")]
    assert configs._parsed("\n".join(["titles", *rows])) == {
        k: configs.TABLE[k] for k in (key._replace(options=False), key)
    }


def test_scripts_run_by_themselves(scripts: Path) -> None:
    # The tuner imports the other two from its own folder.
    result = subprocess.run(
        [sys.executable, str(scripts / "flashsign_tune.py")],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "no CUDA device: skipped\n"), result.stderr
