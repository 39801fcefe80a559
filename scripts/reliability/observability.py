"""Logs and exit codes: how a command ends, what it says, and what run.jsonl says of it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from row import Row

_ROOT = Path(__file__).resolve().parents[2]
_GRN = "import sys; from grn.cli import main; sys.exit(main(sys.argv[1:]))"
# A fault that no check foresees, in the middle of a run.
_BUG = "import grn.runs.run as run; run._size = lambda *_, **__: 1 / 0; " + _GRN
# A shell makes what it starts in the background ignore Ctrl+C.
_HEARS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); " + _GRN
_QUICK = (
    *("report=false", "callbacks.progress_bar=null", "trainer.accelerator=cpu"),
    *("trainer.max_steps=8", "trainer.val_check_interval=4"),
)
_LONG = (
    "trainer.max_steps=100000",
    "trainer.val_check_interval=5",
    "callbacks.early_stopping=null",
)
_SECONDS = 900


def rows(*, short: bool) -> Iterator[Row]:
    """Yield a row for exit codes, for logs, and for `grn doctor`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield _exit_codes(folder)
        yield _log(folder / "done")
        if short:
            return
        yield _stopped(folder)
        yield _doctor()


def _grn(*arguments: object, code: str = _GRN) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def _env() -> dict[str, str]:
    paths = f"{_ROOT}{os.pathsep}{_ROOT / 'kernels'}"
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}


def _train(folder: Path, *overrides: str) -> tuple[str, ...]:
    return ("train", "data=demo", "logger=none", *_QUICK, *overrides, f"hydra.run.dir={folder}")


def _exit_codes(folder: Path) -> Row:
    """Run commands that end in every way, and compare exit code and message."""
    fine = _train(folder / "done")
    tries: list[tuple[int, list[str], str]] = [
        (0, _grn(*fine), ""),
        (0, _grn("--version"), ""),
        (1, _grn(*_train(folder / "bug"), code=_BUG), "This is a bug of ours"),
        (2, _grn(*fine), "already holds a result"),
        (2, _grn("infer", "absent.h5ad"), "no such file"),
        (2, _grn("train", "data=demo", "seeed=1"), "there is no setting seeed"),
        (2, _grn("infer"), "usage:"),
    ]
    survived = 0
    for code, command, expected in tries:
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, env=_env(), cwd=folder,
            timeout=_SECONDS,
        )  # fmt: skip
        right = ended.returncode == code and expected in ended.stderr
        survived += right and "Traceback" not in ended.stderr
        if not right:
            sys.stderr.write(f"{command[3:]}: {ended.returncode}\n{ended.stderr}")
    codes = sorted({code for code, _, _ in tries})
    return Row("exit codes, one readable message", len(tries), survived, f"codes {codes}")


def _lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "run.jsonl").read_text().splitlines()]


def _log(run: Path) -> Row:
    """Check that the log of a finished run has all that it promises."""
    lines = _lines(run)
    by_event = {line["event"]: line for line in lines}
    stages = [line for line in lines if line["event"] == "stage"]
    end = by_event["end"]
    took = sum(line["took"] for line in stages)
    checks = [
        {"torch", "numpy", "anndata"} <= set(by_event["start"]["versions"]),
        {"n_cells", "n_genes", "n_tfs"} <= set(by_event["inputs"]),
        0 <= by_event["network"]["share_of_closed_form"] <= 1,
        took >= 0.9 * end["seconds"],
        all(line["peak_memory_mb"] for line in stages),
        end["exit"] == 0,
    ]
    share = took / end["seconds"]
    figures = f"{len(stages)} stages cover {share:.0%} of the time, {end['peak_memory_mb']} MB"
    return Row("run.jsonl: versions, sizes, start, stages, memory, end", 6, sum(checks), figures)


def _stopped(folder: Path) -> Row:
    """Stop runs while they train, by both signals, and look at what they say and left."""
    survived = 0
    for asked, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        run = folder / asked.name
        started = subprocess.Popen(
            _grn(*_train(run, *_LONG), code=_HEARS), env=_env(), stderr=subprocess.PIPE, text=True
        )
        limit = time.monotonic() + _SECONDS
        while not (run / "checkpoints/last.ckpt").exists() and time.monotonic() < limit:
            time.sleep(0.2)
        started.send_signal(asked)
        _, said = started.communicate(timeout=_SECONDS)
        end = _lines(run)[-1]
        right = started.returncode == code and "continues from the last saved step" in said
        survived += right and end["event"] == "end" and end["exit"] in (130, 143)
    return Row("Ctrl+C and SIGTERM in training", 2, survived, "codes 130 and 143")


def _doctor() -> Row:
    started = time.perf_counter()
    ended = subprocess.run(
        _grn("doctor"), capture_output=True, text=True, check=False, env=_env(), timeout=_SECONDS
    )
    said = ended.stdout
    names = ("grn", "python", "torch", "threads", "memory", "devices", "kernels", "self-test")
    right = (
        ended.returncode == 0 and "passed" in said and all(f"\n{n}" in f"\n{said}" for n in names)
    )
    return Row("grn doctor", 1, int(right), f"{time.perf_counter() - started:.0f} s")
