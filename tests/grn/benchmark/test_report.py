from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from grn.benchmark.failures import Failure
from grn.benchmark.report import write_report
from grn.benchmark.run import COLUMNS, Outcome
from tests.helpers import written

pytestmark = pytest.mark.usefixtures("library")
PICTURES = {"heatmap.png", "precision_recall.png", "accuracy_time.png"}


@pytest.fixture
def outcome(bench: Callable[..., Outcome]) -> Outcome:
    return bench(["closed_form"], ["dream4/other"], [0])


def test_table_summary_and_pictures_are_written(outcome: Outcome, tmp_path: Path) -> None:
    folder = tmp_path / "made/out"
    pictures = write_report(outcome, folder, command="grn benchmark a=b", skipped=("x (needs y)",))
    assert {"results.csv", "summary.md", *PICTURES} <= written(folder)
    assert {path.name for path in pictures.values()} == PICTURES
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures.values())
    summary = (folder / "summary.md").read_text()
    assert "grn benchmark a=b" in summary
    assert "x (needs y)" in summary
    again = pd.read_csv(folder / "results.csv", float_precision="round_trip")
    pd.testing.assert_frame_equal(again, outcome.results, check_exact=True)


def test_parquet_and_csv_are_the_same_table(outcome: Outcome, tmp_path: Path) -> None:
    write_report(outcome, tmp_path / "out", command="")
    parquet = pd.read_parquet(tmp_path / "out/results.parquet")
    csv = pd.read_csv(tmp_path / "out/results.csv", float_precision="round_trip")
    pd.testing.assert_frame_equal(parquet, csv, check_exact=True)


def test_where_everything_failed_the_summary_says_why(tmp_path: Path) -> None:
    failures = [Failure("a on b", ValueError("no luck"))]
    nothing = Outcome(pd.DataFrame(columns=list(COLUMNS)), pd.DataFrame(), failures, 0)
    assert write_report(nothing, tmp_path / "out", command="") == {}
    assert "a on b: no luck" in (tmp_path / "out/summary.md").read_text()
    assert PICTURES & written(tmp_path / "out") == set()


def test_networks_per_group_have_a_section_and_no_picture(
    outcome: Outcome, tmp_path: Path
) -> None:
    results = outcome.results
    groups = results.assign(regime="contexts", network="60 cells", method="pooled")
    write_report(replace(outcome, results=groups), tmp_path / "alone", command="grn benchmark x=1")
    alone = (tmp_path / "alone/summary.md").read_text().splitlines()
    assert alone[:3] == ["    grn benchmark x=1", "", "## Contexts: a network per group"]
    assert PICTURES & written(tmp_path / "alone") == set()
    write_report(
        replace(outcome, results=pd.concat([results, groups])), tmp_path / "o", command=""
    )
    both = (tmp_path / "o/summary.md").read_text()
    assert [line for line in both.splitlines() if line.startswith("## ")][-2:] == [
        "## Networks",
        "## Contexts: a network per group",
    ]
    assert "60 cells" not in both[: both.index("## Contexts")]


def test_known_edges_come_after_and_have_no_pictures(
    bench: Callable[..., Outcome], tmp_path: Path
) -> None:
    def summary(*regimes: str) -> list[str]:
        outcome = bench(["pearson"], ["beeline/toy/all"], [0], regimes=regimes)
        pictures = write_report(outcome, tmp_path / regimes[-1], command="grn benchmark x=1")
        assert len(pictures) == (3 if "unsupervised" in regimes else 0)
        return (tmp_path / regimes[-1] / "summary.md").read_text().splitlines()

    alone = summary("unsupervised")
    both = summary("unsupervised", "supervised/both_seen")
    assert both[: len(alone)] == alone
    guided = summary("supervised/unseen_target")
    assert guided[:3] == ["    grn benchmark x=1", "", "## Known edges"]
    assert PICTURES & written(tmp_path / "supervised/unseen_target") == set()
    assert [line for line in both if line.startswith("## ")][-1] == "## Known edges"
    assert any(line.startswith("| toy all | both_seen/matched | ") for line in both)
