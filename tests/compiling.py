"""Compiling kernels for chips that are not there, in a process where Triton does not interpret."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SHARED_BYTES = {80: 163 << 10, 90: 227 << 10, 0: 99 << 10}
"""What one block may have: NVIDIA's CUDA programming guide, compute capabilities 8.0, 9.0, 8.6."""
ROOT = Path(__file__).resolve().parents[1]


def chips_and_widths(*always: tuple[int, int]) -> list[Any]:
    """Return every (chip, width) as a parameter; those not named are for `make compile`."""
    pairs = [(chip, width) for chip in SHARED_BYTES for width in (16, 32, 64, 128, 256)]
    marks = {pair: () if pair in always else (pytest.mark.compile,) for pair in pairs}
    return [pytest.param(*pair, marks=marks[pair]) for pair in pairs]


def compiled(script: str, chip: int, width: int, cache: Path) -> list[dict[str, Any]]:
    """Return what a script under tests/flashsign reports of every kernel that it compiled."""
    pytest.importorskip("triton")
    changes = {
        "PYTHONPATH": f"{ROOT / 'kernels'}{os.pathsep}{ROOT}",
        "TRITON_CACHE_DIR": str(cache),
    }
    environment = os.environ | changes
    environment.pop("TRITON_INTERPRET", None)  # with it a kernel has no way to compile
    command = [sys.executable, ROOT / "tests" / "flashsign" / script, str(chip), str(width)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
