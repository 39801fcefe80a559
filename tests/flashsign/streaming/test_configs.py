"""Every row of the table, compiled for its chip: no spills, shared memory, matrix instructions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from flashsign.streaming import configs
from flashsign.streaming.arguments import Options

from tests.compiling import SHARED_BYTES, chips_and_widths, compiled

TILE = configs.tile
"""As it is without the fixture that has small tiles for all other tests."""
NO_OPTIONS = Options(None, None, None, None)
KERNELS = {"forward_kernel", "rows_kernel", "queries_kernel", "keys_kernel", "map_kernel"}


@pytest.mark.parametrize(("chip", "width"), chips_and_widths((90, 64)))
def test_every_row_compiles_without_spills(chip: int, width: int, tmp_path: Path) -> None:
    reports = compiled("streaming/compile_rows.py", chip, width, tmp_path)
    for report in reports:
        assert report["spilled_bytes"] == 0 or report["tokens"] == 1, report
        assert report["shared_bytes"] <= SHARED_BYTES[chip], report
        assert _uses_the_matrix_units_of(chip, report), report
    cases = {(r["dtype"], r["precision"], r["options"]) for r in reports}
    assert len(cases) == {64: 8, 256: 4}.get(width, 6)
    for case in cases:
        seen = {r["kernel"] for r in reports if (r["dtype"], r["precision"], r["options"]) == case}
        assert seen == KERNELS | ({"bias_kernel"} if case[2] else set())


def _uses_the_matrix_units_of(chip: int, report: dict[str, Any]) -> bool:
    """wgmma on Hopper, mma elsewhere; float32 in full precision has no matrix units."""
    multiplies = report["kernel"] != "rows_kernel"
    half = report["dtype"] != "torch.float32"
    if not multiplies or (not half and report["precision"] == "ieee"):
        return report["wgmma"] == report["mma"] == 0
    if chip == 90:  # tf32 tiles of fewer than 64 rows fall back to mma
        return report["wgmma"] > 0 if half else report["wgmma"] + report["mma"] > 0
    return report["mma"] > 0 and report["wgmma"] == 0


def test_the_table_has_every_row() -> None:
    kernels = get_args(configs.Kernel)
    for chip in SHARED_BYTES:
        for width in (16, 32, 64, 128, 256):
            for element_size in (2, 4):
                for options in (False, True):
                    row = configs.TABLE[configs.Key(chip, width, element_size, options)]
                    assert set(row) == set(kernels)


@pytest.mark.parametrize(
    ("found", "rows"),
    [((8, 0), 80), ((9, 0), 90), ((10, 0), 90), ((8, 6), 0), ((8, 9), 0), ((12, 0), 0)],
)
def test_a_chip_without_rows_takes_the_small_ones(
    found: tuple[int, int], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: found)
    configs.chip.cache_clear()
    assert configs.chip(torch.device("cuda", 0)) == rows
    configs.chip.cache_clear()


def test_a_row_is_found_by_width_dtype_and_options(
    monkeypatch: pytest.MonkeyPatch, make_inputs: Callable[..., dict[str, Any]]
) -> None:
    monkeypatch.setattr(configs, "chip", lambda device: 90)
    asked: list[configs.Key] = []

    class Recorder(dict[configs.Key, configs.Row]):
        def __missing__(self, key: configs.Key) -> configs.Row:
            asked.append(key)
            return {"forward": configs.Tile(16, 16, 4, 1)}

    monkeypatch.setattr(configs, "TABLE", Recorder())
    q, v = torch.empty(1, 1, 3, 33), torch.empty(1, 1, 3, 65, dtype=torch.float16)
    TILE("forward", q, None, NO_OPTIONS)
    TILE("forward", v, v, NO_OPTIONS._replace(gate=torch.ones(3, 3)))
    TILE("forward", q.half(), v, NO_OPTIONS)
    assert asked == [(90, 64, 4, False), (90, 128, 2, True), (90, 128, 2, False)]
