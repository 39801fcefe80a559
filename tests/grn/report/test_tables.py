import pytest

from grn.report import tables
from tests.toy_runs import METRICS, toy_activity


def test_accuracy_stands_beside_its_controls() -> None:
    table = tables.accuracy(METRICS)
    assert table is not None
    assert table.headings == ["ranking", "what it is", "AUPRC", "AUPRC ÷ chance", "AUROC"]
    assert [row[0] for row in table.rows] == ["network", "random", "pearson", "pretrained"]
    assert table.rows[1] == ["random", "a random ranking", "0.173", "1.020", "0.498"]
    assert [name for name, _ in table.notes] == table.headings[2:]


def test_a_value_that_a_control_lacks_is_a_dash() -> None:
    judged = {"auprc": 0.5, "sign_accuracy": 0.9, "controls": {"random": {"auprc": float("nan")}}}
    table = tables.accuracy({"evaluation": judged})
    assert table is not None
    assert table.rows[1][2:] == ["–", "–"]


@pytest.mark.parametrize("make", [tables.accuracy, tables.prediction, tables.groups])
def test_there_is_no_table_of_nothing(make: object) -> None:
    assert callable(make)
    assert make({}) is None
    assert make({"evaluation": None, "prediction": None, "groups": {}}) is None


def test_prediction_and_groups() -> None:
    predicted = tables.prediction({"prediction": {"r2": 0.5, "r2_of_mean": None}})
    assert predicted is not None
    assert predicted.rows == [["r2", "0.500"], ["r2 of mean", "–"]]
    described = {"T": {"n_cells": 1200, "own_share": 0.703, "share_of_closed_form": 0.4}}
    found = tables.groups({"groups": described})
    assert found is not None
    assert found.rows == [["T", "1,200", "70 %", "40 %"]]


def test_activity_shows_the_first_of_each_group() -> None:
    ranked = toy_activity(["B", "T"]).sample(frac=1, random_state=0)
    table = tables.activity(ranked, 3)
    assert table is not None
    assert table.headings == ["group", "regulator", "above the rest", "mean", "FDR"]
    assert [row[0] for row in table.rows] == ["B"] * 3 + ["T"] * 3
    of_b = ranked[ranked["group"] == "B"]
    first = of_b.loc[of_b["effect"].idxmax()]
    expected = [first["source"], f"{first['effect']:.3f}", f"{first['mean_activity']:.3f}"]
    assert table.rows[0][1:4] == expected
    assert tables.activity(None, 3) is None
    unjudged = tables.activity(ranked.assign(fdr=float("nan")), 1)
    assert unjudged is not None
    assert unjudged.rows[0][-1] == "–"
