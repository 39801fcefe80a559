"""The scaling benchmark: its arithmetic by hand, its cells, and one tiny run of all of it."""

import importlib
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts/timing"


@pytest.fixture(scope="module", autouse=True)
def scripts_folder() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        yield


@pytest.fixture
def scaling() -> ModuleType:
    return importlib.import_module("scaling")


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """One size, with 7 regulators, and 5 steps of which 2 are timed."""
    script = importlib.import_module("scaling_case")
    monkeypatch.setattr(script, "N_TFS", 7)
    monkeypatch.setattr(script, "STEPS", 5)
    monkeypatch.setattr(script, "WARM_UP", 3)
    return script


def made_up(n: int, step: float) -> dict[str, float]:
    """Costs that are powers of the size, but for the step."""
    return {
        "step": step,
        "epoch": 2.0 * n,
        "validation": 0.5,
        "inference": 3.0 * n**2,
        "peak_rss": 1e9 * n**0.5,
    }


def test_exponent_is_the_slope_from_the_cut_on(scaling: ModuleType) -> None:
    records = {n: made_up(n, 1.0 if n < 100 else n**1.5) for n in (7, 20, 100, 300, 1000)}
    assert scaling.exponent(records, "inference", 0) == pytest.approx(2)
    assert scaling.exponent(records, "step", 100) == pytest.approx(1.5)
    assert 1.5 < scaling.exponent(records, "step", 0) < 2.5
    assert math.isnan(scaling.exponent(records, "step", 301))


def test_rounds_keep_the_fastest_times_and_the_most_memory(scaling: ModuleType) -> None:
    first, second = made_up(4, 0.2), made_up(4, 0.3)
    second |= {"inference": 1.0, "peak_rss": 7e9}
    best = scaling.combined([first, second])
    assert (best["step"], best["inference"], best["peak_rss"]) == (0.2, 1.0, 7e9)
    assert best["spread"] == pytest.approx(0.5)


def test_a_case_goes_through_the_whole_run(
    case: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    measured = case.measure(61, 23, tmp_path)
    edges = pd.read_csv(tmp_path / "run" / "edges.tsv", sep="\t")
    assert len(edges) == 7 * 22
    assert set(edges["source"]) == {f"gene{i}" for i in range(7)}
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["steps"] == 5
    assert 0 < measured["step"] < measured["inference"]
    assert 0 < measured["validation"] < measured["inference"]
    assert measured["epoch"] == pytest.approx(measured["step"] * 0.9 * 61 / 64)
    monkeypatch.setattr(case, "measure", lambda n_cells, n_genes, folder: {"step": n_cells})
    monkeypatch.setattr(sys, "argv", ["scaling_case.py", "61", "23", "1"])
    case.main()
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["step"] == 61
    assert 5e7 < printed["peak_rss"] < 5e10


def test_timer_leaves_the_warm_up_out(
    case: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = iter([0.0, 100.0, 200.0, 201.0, 204.0, 300.0, 307.0])
    monkeypatch.setattr(case.time, "perf_counter", lambda: next(clock))
    timer = case.StepTimer(str(tmp_path / "noted.json"))
    for _ in range(5):
        timer.on_train_batch_end()
    timer.on_validation_start()
    timer.on_validation_end()
    timer.on_train_end()
    # Steps of 100, 100, 1 and 3 s after the first; the third and fourth are timed.
    noted = json.loads((tmp_path / "noted.json").read_text())
    assert noted == {"step": 2.0, "validation": 7.0}


def test_a_size_has_a_process_of_its_own(
    scaling: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "case.py"
    script.write_text(
        "import json, os, sys\n"
        "print('something else')\n"
        "sys.argv[1] != '3' or sys.exit('no such size')\n"
        "print(json.dumps({'step': sys.argv[1:], 'wait': os.environ['OMP_WAIT_POLICY']}))\n"
    )
    monkeypatch.setattr(scaling, "CASE", script)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert scaling.measure(5, 7, 1) == {"step": ["5", "7", "1"], "wait": "PASSIVE"}
    with pytest.raises(RuntimeError, match="3 cells × 7 genes failed: no such size"):
        scaling.measure(3, 7, 1)


def test_main_measures_in_turns_prints_and_writes(
    scaling: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    asked = []

    def measure(n_cells: int, n_genes: int, n_threads: int) -> dict[str, float]:
        asked.append((n_cells, n_genes, n_threads))
        return made_up(n_cells * n_genes, 1e-6 * n_genes**1.25 * (1 + len(asked) // 5))

    monkeypatch.setattr(scaling, "measure", measure)
    output, picture = tmp_path / "s.json", tmp_path / "s.png"
    options = ["--genes", "2000", "8000", "--cells", "10000", "70000", "--threads", "3"]
    scaling.main([*options, "--output", str(output), "--plot", str(picture)])
    of_a_round = [(400, 2000, 3), (400, 8000, 3), (10000, 1000, 3), (70000, 1000, 3)]
    assert asked == 2 * of_a_round
    written = json.loads(output.read_text())
    assert written["threads"] == 3
    assert written["genes"]["2000"]["spread"] == pytest.approx(1)
    assert 10_000 < picture.stat().st_size < 150_000
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("|")
    ]
    assert [row[0] for row in rows].count("70000") == 1
    assert ["training step", "genes", "2000", "1.25", "1.25", "1.15"] in rows
    assert ["inference", "cells", "10000", "2.00", "2.00", "1.1"] in rows
    assert ["peak memory", "genes", "2000", "0.50", "0.50", "-"] in rows
