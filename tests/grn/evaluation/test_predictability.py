import json
import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from grn.errors import InputError
from grn.evaluation import predictability, predictability_json

TFS, TARGETS = [f"T{i:02d}" for i in range(12)], [f"g{i}" for i in range(20)]
COLUMNS = ["method", "k", "metric", "value", "spread", "n_targets", "n_left_out"]


def simulated(n_cells: int, seed: int) -> ad.AnnData:
    """Targets that are sums of two regulators and noise of as much variance; TFs alone random."""
    generator = np.random.default_rng(seed)
    tfs = generator.normal(2, 1, (n_cells, 12))
    noise = generator.normal(0, np.sqrt(2), (n_cells, 20))
    targets = np.stack([tfs[:, i % 12] - tfs[:, (i + 5) % 12] for i in range(20)], axis=1)
    cells = pd.DataFrame(index=[f"{seed}-{i}" for i in range(n_cells)])
    return ad.AnnData(
        np.hstack([tfs, targets + noise]), obs=cells, var=pd.DataFrame(index=[*TFS, *TARGETS])
    )


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    rows = [
        (TFS[(i + shift) % 12], gene, weight)
        for i, gene in enumerate(TARGETS)
        for shift, weight in ((0, 2.0), (5, -1.0))
    ]
    return pd.DataFrame(rows, columns=["source", "target", "weight"])


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    return simulated(400, 0)


def values(table: pd.DataFrame, metric: str = "r2") -> dict[str, float]:
    return table[table["metric"] == metric].set_index("method")["value"].to_dict()


def wrong(truth: pd.DataFrame) -> pd.DataFrame:
    """Give every target the regulators of another."""
    following = dict(zip(TARGETS, [*TARGETS[2:], *TARGETS[:2]], strict=True))
    return truth.assign(target=truth["target"].map(following))


@pytest.mark.parametrize("fitted", [False, True])
def test_the_true_regulators_predict_half_and_others_nothing(cells, truth, fitted):
    fit_on = simulated(300, 1) if fitted else None
    table = predictability(truth, cells, fit_on, k=2)
    assert table.columns.tolist() == COLUMNS
    found = values(table)
    assert found["network"] == pytest.approx(0.5, abs=0.03)
    assert found["most correlated"] == pytest.approx(0.5, abs=0.03)
    assert found["random"] < 0.2
    assert values(table, "above_random")["network"] == 1
    assert set(table["n_targets"]) == {20}
    other = predictability(wrong(truth), cells, fit_on, k=2)
    assert values(other)["network"] < 0.02
    assert values(other)["random"] == found["random"]
    assert values(other, "above_random")["network"] < 0.5
    drawn = table.set_index(["method", "metric"])["spread"]
    assert drawn["random", "r2"] > 0
    assert np.isnan(drawn["network", "r2"]) == fitted


def test_only_the_regulators_of_most_importance_count(cells, truth):
    found = values(predictability(truth, cells, k=1))
    assert found["network"] == pytest.approx(0.25, abs=0.05)
    ignored = pd.concat([truth, wrong(truth).assign(weight=0.5)])
    assert values(predictability(ignored, cells, k=2))["network"] == pytest.approx(
        values(predictability(truth, cells, k=2))["network"]
    )


def test_on_the_fitting_cells_it_is_no_lower_than_on_others(cells, truth):
    few = simulated(30, 2)
    seen = values(predictability(truth, few, few, k=2))
    unseen = values(predictability(truth, cells, few, k=2))
    assert all(seen[method] > unseen[method] for method in seen)


def test_seed_order_of_genes_and_storage(cells, truth):
    expected = predictability(truth, cells, k=2)
    order = np.random.default_rng(2).permutation(cells.n_vars)
    shuffled = cells[:, order].copy()
    shuffled.X = sparse.csr_matrix(shuffled.X)
    again = predictability(truth.sample(frac=1, random_state=0), shuffled, k=2)
    pd.testing.assert_frame_equal(again, expected)
    other = predictability(truth, cells, k=2, seed=1)
    assert values(other)["random"] != values(expected)["random"]
    assert values(other)["network"] != values(expected)["network"]


def test_genes_that_are_elsewhere_move_nothing(cells, truth):
    reference = simulated(300, 1)
    shuffled = reference[:, reference.var_names[::-1]].copy()
    pd.testing.assert_frame_equal(
        predictability(truth, cells, reference, k=2), predictability(truth, cells, shuffled, k=2)
    )


def test_targets_that_cannot_be_judged_are_counted(cells, truth):
    flat = cells[:, [*TFS, *TARGETS[:18]]].copy()
    flat.X[:, len(TFS)] = 1
    table = predictability(truth, flat, k=2)
    assert set(table["n_targets"]) == {17}
    assert set(table["n_left_out"]) == {3}


def test_each_group_has_its_own_edges_and_cells(cells, truth, caplog):
    joined = ad.concat([cells, simulated(50, 1), simulated(10, 2)])
    joined.obs["state"] = ["a"] * 400 + ["b"] * 50 + ["c"] * 10
    parts = {"a": truth, "b": wrong(truth), "c": truth}
    edges = pd.concat([part.assign(group=name) for name, part in parts.items()])
    table = predictability(edges, joined, k=2, groupby="state")
    assert table.columns.tolist() == ["group", *COLUMNS]
    assert table["group"].unique().tolist() == ["a", "b"]
    assert "group c has 10 cells and is left out" in caplog.text
    alone = predictability(truth, cells, k=2)
    own = table[table["group"] == "a"].drop(columns="group").reset_index(drop=True)
    pd.testing.assert_frame_equal(own, alone)
    assert values(table[table["group"] == "b"])["network"] < 0.1


def test_json_has_null_where_nothing_was_drawn(cells, truth):
    rows = predictability_json(predictability(truth, cells, cells, k=2))
    assert json.loads(json.dumps(rows, allow_nan=False))[0] == rows[0]
    assert list(rows[0]) == COLUMNS
    assert rows[0]["spread"] is None
    assert rows[0]["n_targets"] == 20


def test_what_cannot_be_is_refused(cells, truth):
    for k in (0, 1.5, True):
        with pytest.raises(InputError, match="k is"):
            predictability(truth, cells, k=k)
    with pytest.raises(InputError, match="fit_on has 19 cells"):
        predictability(truth, cells, simulated(19, 1))
    with pytest.raises(InputError, match="no column group"):
        predictability(truth, cells, groupby="state")
    grouped = truth.assign(group="a")
    with pytest.raises(InputError, match="no column 'state' in obs"):
        predictability(grouped, cells, groupby="state")
    cells = cells.copy()
    cells.obs["state"] = "b"
    with pytest.raises(InputError, match="Check that both name the groups alike"):
        predictability(grouped, cells, groupby="state")


def test_too_many_regulators_are_said(cells, truth, caplog):
    with caplog.at_level(logging.WARNING):
        found = values(predictability(truth.head(8), cells, k=9))
    assert "every choice is the same" in caplog.text
    assert found["network"] > 0.3
