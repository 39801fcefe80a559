"""Versions: what an earlier one wrote is read, and nothing is needed that other systems lack."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from row import Row

_ROOT = Path(__file__).resolve().parents[2]
_TESTS = {
    "checkpoints and run folders of earlier versions": "checkpoint or run_folder or mark",
    "without triton, as on macOS and Windows": "triton or wheel",
}


def rows(*, short: bool) -> Iterator[Row]:
    """Yield a row for each group of tests/test_versions.py."""
    del short  # both take seconds
    for what, chosen in _TESTS.items():
        command = [sys.executable, "-m", "pytest", "-q", "tests/test_versions.py", "-k", chosen]
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=_ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        counts = dict.fromkeys(("passed", "failed", "error"), 0)
        for number, word in re.findall(r"(\d+) (passed|failed|error)", ended.stdout):
            counts[word] = int(number)
        if ended.returncode:
            sys.stderr.write(ended.stdout)
        yield Row(what, max(sum(counts.values()), 1), counts["passed"])
