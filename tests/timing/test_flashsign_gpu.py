import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

SHAPE = (2, 3, 13, 16)


def method(peers: ModuleType, name: str, change: Any) -> Any:
    """A method whose output is `change`d spherical attention."""
    exact = peers.spherical("reference")
    return peers.Method(name, lambda q, k, v: change(exact(q, k, v)), exact)


def made_up(gpu: ModuleType, **speeds: float) -> list[Any]:
    """Records of d = 16, N = 13 and 26, forward, with these ms at N = 13 and four times at 26."""
    return [
        gpu.record(name, (2, 3, n, 16), "forward", [ms * (n / 13) ** 2], 1e-7, "")
        for name, ms in speeds.items()
        for n in (13, 26)
    ]


def test_flops_by_hand(gpu: ModuleType) -> None:
    # 2 · 3 heads of 5 × 5 pairs and 7 features; 2 products of a multiplication and an addition.
    assert gpu.flops((2, 3, 5, 7), "forward") == 4 * 1050
    assert gpu.flops((2, 3, 5, 7), "backward") == 2.5 * 4 * 1050
    assert gpu.flops((2, 3, 5, 7), "forward + backward") == 3.5 * 4 * 1050


def test_speed_of_a_right_method(gpu: ModuleType, peers: ModuleType, device: str) -> None:
    records = gpu.measure(peers.methods()[:2], SHAPE, "forward + backward", device, torch.float32)
    for r in records:
        assert r["note"] == ""
        assert (r["head_dim"], r["n"], r["pass"]) == (16, 13, "forward + backward")
        assert (r["ms"], r["spread"]) == (7.0, 0.0)
        assert r["tflops"] == pytest.approx(14 * 2 * 3 * 13 * 13 * 16 / 7e-3 / 1e12)
        assert 0 < r["error"] < 1e-6


class WrongGradient(torch.autograd.Function):
    """The identity with a gradient that is a hundredth too large."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return 1.01 * gradient


def test_a_wrong_result_has_no_speed(gpu: ModuleType, peers: ModuleType, device: str) -> None:
    def unwritten(out: Tensor) -> Tensor:
        return out.masked_fill(torch.arange(13, device=out.device)[:, None] == 12, math.nan)

    def refused(out: Tensor) -> Tensor:
        msg = "head_dim 16 is not for me"
        raise RuntimeError(msg)

    chosen = [
        method(peers, "right", lambda out: out),
        method(peers, "scaled", lambda out: 1.001 * out),
        method(peers, "unwritten", unwritten),
        method(peers, "wrong gradient", WrongGradient.apply),
        method(peers, "refused", refused),
    ]
    found = {}
    for direction in ("forward", "forward + backward"):
        for r in gpu.measure(chosen, SHAPE, direction, device, torch.float32):
            found[r["method"], direction] = r
            assert (r["ms"] is None) == (r["tflops"] is None) == bool(r["note"])
        assert found["right", direction]["note"] == ""
        assert found["scaled", direction]["note"].startswith("wrong: relative error 1.0e-03")
        assert found["unwritten", direction]["note"].startswith("wrong: relative error inf")
        assert found["refused", direction]["note"] == "head_dim 16 is not for me"
    assert found["wrong gradient", "forward"]["note"] == ""
    assert found["wrong gradient", "forward + backward"]["note"].startswith("wrong")


def test_backward_is_the_difference(
    gpu: ModuleType, peers: ModuleType, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "methods", lambda: peers.methods()[1:2])
    records = gpu.measure_both(SHAPE, device, torch.float32)
    assert {r["pass"]: r["ms"] for r in records} == {
        "forward": 2.0,
        "backward": 5.0,
        "forward + backward": 7.0,
    }
    assert len({r["tflops"] for r in records}) == 1  # 4, 10 and 14 operations in 2, 5 and 7 ms


def test_table_by_hand(gpu: ModuleType) -> None:
    speeds = {"FlashSign": 1e-6, "naive": 4e-6, "SDPA flash": 2e-6, "SDPA cuDNN": 3e-6}
    records = made_up(gpu, **speeds, FlexAttention=5e-7)
    records[-3] |= {"tflops": None, "note": "out of memory"}  # cuDNN, N = 26
    ours = gpu.flops((2, 3, 13, 16), "forward") / 1e-6 * 1e-9
    titles, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in gpu.table(records, 2 * ours).splitlines()
    )
    first, second = (dict(zip(titles, row, strict=True)) for row in rows)
    assert first["N"] == "13"
    assert first["FlashSign"] == f"{ours:.0f}"
    assert first["cuDNN"] == f"{ours / 3:.0f}"
    assert first["/ best SDPA"] == "2.00"
    assert first["/ best other"] == "0.50"
    assert first["/ naive"] == "4.00"
    assert first["of matmul"] == "50%"
    assert first["error"] == "1.0e-07"
    assert first["spread"] == "-"
    assert (second["N"], second["cuDNN"], second["/ best SDPA"]) == ("26", "-", "2.00")


def test_plot_is_written(gpu: ModuleType, tmp_path: Path) -> None:
    records = made_up(gpu, FlashSign=1e-6, naive=4e-6)
    figure = gpu.plot(records, 1.0)
    figure.savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert list(lines["naive"].get_xdata()) == [13, 26]
    assert list(lines["FlashSign"].get_ydata()) == [r["tflops"] for r in records[:2]]
    assert lines["FlashSign"].get_linewidth() > lines["naive"].get_linewidth()
    assert lines["matmul"].get_linestyle() == "--"


@pytest.mark.parametrize(("note", "code"), [("", 0), ("wrong", 1)])
def test_main_writes_records_and_picture(
    gpu: ModuleType,
    made_up_gpu: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    note: str,
    code: int,
) -> None:
    def measure_both(shape: tuple[int, ...], device: str, dtype: torch.dtype) -> list[Any]:
        assert (shape[0] * shape[2], shape[1] * shape[3], device) == (16384, 2048, "cuda")
        return [
            gpu.record(name, shape, direction, [1.0, 2.0, 4.0], 1e-3, note)
            for name in gpu.COLOURS
            for direction in gpu.FLOPS
        ]

    monkeypatch.setattr(gpu, "matmul_ceiling", lambda *_: 800.0)
    monkeypatch.setattr(gpu, "measure_both", measure_both)
    output, picture = tmp_path / "gpu.json", tmp_path / "gpu.png"
    sizes = ["--sizes", "512", "1024", "--head-dims", "64"]
    assert gpu.main([*sizes, "--output", str(output), "--plot", str(picture)]) == code
    written = json.loads(output.read_text())
    assert (written["device"], written["matmul_tflops"]) == (made_up_gpu, 800.0)
    assert len(written["records"]) == 2 * len(gpu.COLOURS) * len(gpu.FLOPS)
    assert written["records"][0]["ms"] == (None if note else 2.0)
    assert written["records"][0]["spread"] == (None if note else 1.5)
    assert picture.stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert printed.count("| 1024 |") == len(gpu.FLOPS)
    assert printed.count(f"- FlashSign: {note}") == code


def test_nothing_is_timed_without_a_gpu(
    gpu: ModuleType, no_gpu: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gpu.main([]) == 0
    assert capsys.readouterr().out == "no CUDA device: skipped\n"
