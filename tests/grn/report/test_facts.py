from pathlib import Path
from typing import Any

import pytest

from grn.report import facts
from grn.report.folder import RunFiles, read_run
from tests.toy_runs import METRICS, toy_edges, write_run

PLAIN = ["source", "target", "weight", "importance"]


def a_run(folder: Path, columns: list[str] | None = None, **record: Any) -> RunFiles:
    edges = toy_edges(200)
    return read_run(write_run(folder, edges if columns is None else edges[columns], **record))


def test_the_summary_is_two_sentences_with_the_numbers_of_the_run(tmp_path: Path) -> None:
    first, second = facts.summary(a_run(tmp_path))
    assert first.startswith("From 1,000 cells and 1,500 genes of “blood”, this run ranked 200 ")
    assert "40 regulators" in first
    assert "to 75 % from a transformer" in second
    assert "25 % from a formula" in second
    # The model before the run is a part of the method, no control.
    assert second.endswith("4.2 times that of a random ranking (its best control, pearson: 2.7).")


def test_without_a_truth_stability_says_how_far_to_trust(tmp_path: Path) -> None:
    run = a_run(tmp_path, evaluation=None)
    n_stable = int((run.edges["stability"].head(100) >= 0.8).sum())
    said = facts.summary(run)[1]
    assert "no known edges were given" in said
    assert f"{n_stable} of the first 100 recur" in said
    assert "the accuracy on these cells is unknown" in facts.warnings(run)[0]
    without = a_run(tmp_path / "plain", PLAIN, evaluation=None)
    assert "recur" not in facts.summary(without)[1]
    assert any("--bootstraps" in said for said in facts.warnings(without))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"regime": "supervised"}, "learned from the known edges"),
        ({"regime": "prior-guided"}, "Known edges rank first"),
        ({"belief": None}, "do not record what the scores start from"),
    ],
)
def test_the_start_of_the_scores_is_that_of_the_run(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    assert said in facts.summary(a_run(tmp_path, **changed))[1]


def test_warnings_come_from_the_numbers(tmp_path: Path) -> None:
    sound = "\n".join(facts.warnings(a_run(tmp_path / "sound")))
    assert "5 of 45 regulators" in sound
    assert "Gata1" in sound
    for doubt in ("only 40 cells", "larger share", "control pearson", "2 genes do not vary"):
        assert doubt not in sound
    judged = {**METRICS["evaluation"], "auprc_ratio": 2.0}
    cells = {**METRICS["preprocessing"], "n_cells": 40, "n_constant_genes": 2}
    run = a_run(
        tmp_path / "poor",
        evaluation=judged,
        preprocessing=cells,
        belief={"share_of_closed_form": 0.9},
    )
    poor = "\n".join(facts.warnings(run))
    for doubt in ("only 40 cells", "larger share", "control pearson", "2 genes do not vary"):
        assert doubt in poor


def test_facts_leave_out_what_is_not_known(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    labels = dict(facts.data_facts(run))
    assert labels["Cells"] == "1,000"
    assert labels["Edges with FDR below 5 %"] == str(int((run.edges["fdr"] < 0.05).sum()))
    assert "Perturbed genes" not in labels
    origin = dict(facts.provenance(run))
    assert origin["Seed"] == "3"
    assert origin["Version of grn"] == "0.1.0"
    assert "Checkpoint" not in origin


def test_perturbed_genes_are_told_from_those_that_only_vary_together(tmp_path: Path) -> None:
    plain = facts.warnings(a_run(tmp_path / "plain"))[-1]
    assert plain.startswith("Co-expression without perturbations")
    belief = {**METRICS["belief"], "n_perturbed_genes": 6.0}
    told = facts.warnings(a_run(tmp_path / "screen", belief=belief))[-1]
    assert told.startswith("6 of the genes were perturbed")
    assert "passed through other genes" in told
