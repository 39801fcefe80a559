"""The benchmark of finding a network: its arithmetic by hand, and one tiny run of each method."""

import importlib
import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def script() -> ModuleType:
    return importlib.import_module("network_scaling")


def costs(n: int, power: float) -> dict[str, float]:
    return {"seconds": 0.1 * n**power, "bytes": 1e9 * n**0.5}


def test_exponent_is_the_slope_over_the_larger_half(script: ModuleType) -> None:
    found = {10: costs(10, 0.0), 20: costs(20, 1.5), 40: costs(40, 1.5), 80: costs(80, 1.5)}
    assert script.exponent(found, "seconds") == pytest.approx(1.5)
    assert script.exponent(found, "bytes") == pytest.approx(0.5)
    assert math.isnan(script.exponent({10: costs(10, 1)}, "seconds"))
    assert script.exponent({10: costs(10, 2), 20: costs(20, 2)}, "seconds") == pytest.approx(2)


def test_a_method_ends_at_the_first_size_that_it_does_not_finish(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(method: str, size: dict[str, int], _limit: int) -> dict[str, float] | None:
        assert size["groups"] == 1
        return None if method == "grnboost2" and size["genes"] > 500 else costs(size["genes"], 1)

    monkeypatch.setattr(script, "measure", measure)
    found = script.measured("genes", ["spherical", "grnboost2"], 100)
    assert list(found["grnboost2"]) == [250, 500]
    assert list(found["spherical"]) == [250, 500, 1000, 2000, 4000]
    rows = script.table("genes", found).splitlines()
    assert [field.strip() for field in rows[4].split("|")[1:-1]] == [
        "1,000", "100.0", "31.62", "-", "-",
    ]  # fmt: skip
    assert [field.strip() for field in rows[-1].split("|")[1:3]] == ["exponent", "1.00"]
    titles = [ax.get_title() for ax in script.plot({"genes": found}).axes]
    assert "400 cells, 50 TFs" in titles


def test_a_process_that_takes_too_long_is_ended(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    endless, failing = tmp_path / "endless.py", tmp_path / "failing.py"
    endless.write_text("while True: pass")
    failing.write_text("raise SystemExit('no such method')")
    monkeypatch.setattr(script, "__file__", str(endless))
    assert script.measure("spherical", {}, 1) is None
    monkeypatch.setattr(script, "__file__", str(failing))
    with pytest.raises(RuntimeError, match="no such method"):
        script.measure("spherical", {}, 1)


@pytest.mark.parametrize("groups", [1, 2])
def test_our_network_and_those_of_groups_are_found(
    groups: int, script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    size = {"cells": 90, "genes": 20, "TFs": 4, "groups": groups}
    script.main(["--one", json.dumps(["spherical", size])])
    measured: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert 0 < measured["seconds"] < 60
    assert 1e8 < measured["bytes"] < 2e10


def test_a_peer_scores_the_cells_of_each_group(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grn.benchmark import peers

    shapes: list[tuple[tuple[int, ...], list[int]]] = []

    def peer(expression: Any, tf_index: Any, **settings: Any) -> None:
        assert settings == {"n_jobs": 1}
        shapes.append((expression.shape, tf_index.tolist()))

    monkeypatch.setitem(peers.PEERS, "grnboost2", peer)
    cells = script.simulated({"cells": 70, "genes": 20, "TFs": 3, "groups": 2})
    script.peer("grnboost2", cells, ["gene1", "gene5"])
    assert shapes == [((35, 20), [1, 5])] * 2
