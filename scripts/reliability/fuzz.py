"""Feed changed and made-up files, settings and checkpoints to every reader.

Each target runs in a process of its own (`fuzz_child.py`), so that an input which ends the
process, by a crash of a library or by taking too long, is one failure and the others go on.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fuzz_targets import TARGETS, Target
from row import Row

_HERE = Path(__file__).parent
_SHORT = 100  # in the short form one changed input in so many, and of settings as many made ones


def rows(*, short: bool) -> Iterator[Row]:
    """Yield one row per kind of input."""
    for name, target in TARGETS.items():
        with tempfile.TemporaryDirectory() as folder:
            done = [
                fed(name, kind, n, Path(folder))
                for kind, n in _numbers(target, short=short).items()
            ]
        n = sum(one["n"] for one in done)
        lost = sum(sum(one["failed"].values()) for one in done)
        results = sum(one["n_results"] for one in done)
        seconds = max(one["seconds"] for one in done)
        memory = max(one["memory"] for one in done)
        yield Row(
            f"hostile {target.what}",
            n,
            n - lost,
            f"{results} read, {n - results - lost} refused; at most {seconds:.1f} s and "
            f"{memory / 2**20:.0f} MB each",
        )


def _numbers(target: Target, *, short: bool) -> dict[str, int]:
    """Return how many inputs of each kind a target gets."""
    if not short:
        numbers = {"changed": target.n_changed, "made": target.n_made}
    elif target.n_changed:
        numbers = {"changed": max(5, target.n_changed // _SHORT)}
    else:
        numbers = {"made": 5}
    return {kind: n for kind, n in numbers.items() if n}


def fed(name: str, kind: str, n: int, folder: Path) -> dict[str, Any]:
    """Feed n inputs of a kind, in as many processes as it takes, and add up what they say."""
    total: dict[str, Any] = {"n": 0, "n_results": 0, "seconds": 0.0, "memory": 0, "failed": {}}
    while total["n"] < n:
        first = total["n"]
        done = subprocess.run(
            [sys.executable, _HERE / "fuzz_child.py", name, kind, str(first), str(n), folder],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1", "GRN_DATA": str(folder)},
        )
        *said, last = done.stdout.splitlines() or [""]
        failures = [line for line in said if line.startswith(("FAILED", "  "))]
        if failures:
            print("\n".join(failures), file=sys.stderr)
        ended = done.returncode != 0
        found = _ended(done, first, folder) if ended else json.loads(last)
        _add(total, found)
        if found["n"] == 0:  # hypothesis knows no more inputs
            break
    return total


def _ended(done: "subprocess.CompletedProcess[str]", first: int, folder: Path) -> dict[str, Any]:
    """Return what is known of a process that an input has ended."""
    count = folder / "n"
    if done.returncode > 0 or not count.exists():
        sys.exit(f"the fuzzer itself failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    n = int(count.read_text()) + 1
    kept = folder.with_name(f"{folder.name}-ended-{first + n}")
    (folder / "input").rename(kept)
    print(f"FAILED signal {-done.returncode}\n  {kept}", file=sys.stderr)
    signal = f"ended by signal {-done.returncode}"
    return {"n": n, "n_results": 0, "seconds": 0.0, "memory": 0, "failed": {signal: 1}}


def _add(total: dict[str, Any], found: dict[str, Any]) -> None:
    for key in ("n", "n_results"):
        total[key] += found[key]
    for key in ("seconds", "memory"):
        total[key] = max(total[key], found[key])
    for key, n in found["failed"].items():
        total["failed"][key] = total["failed"].get(key, 0) + n
