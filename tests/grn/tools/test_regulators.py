import logging

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from grn.errors import InputError
from grn.tools.regulators import rank_regulators

TFS = ["A", "B", "C"]
EDGES = pd.DataFrame(
    {
        "source": ["A", "A", "A", "B", "C"],
        "target": ["B", "x", "y", "x", "B"],
        "weight": [1.0, -1.0, 0.5, 0.2, -0.1],
    }
)


@pytest.fixture
def cells():
    """Three groups of 40 cells of 4 donors; A is higher in g1, B lower in g2."""
    rng = np.random.default_rng(0)
    activity = pd.DataFrame(rng.normal(size=(120, 3)), columns=TFS)
    activity.index = activity.index.astype(str)
    obs = pd.DataFrame({"group": np.repeat(["g1", "g2", "g3"], 40)}, index=activity.index)
    obs["donor"] = np.tile(["d1", "d2", "d3", "d4"], 30)
    obs["sick"] = np.where(obs["donor"].isin(["d1", "d2"]), "yes", "no")
    activity.loc[(obs["group"] == "g1").to_numpy(), "A"] += 1.5
    activity.loc[(obs["group"] == "g2").to_numpy(), "B"] -= 1.5
    return anndata.AnnData(np.ones((120, 2)), obs=obs, obsm={"activity": activity})


def test_cells_are_compared_by_the_rank_sum_test(cells):
    table = rank_regulators(cells, EDGES, "group").set_index(["group", "source"])
    assert len(table) == 9
    for group in ("g1", "g2", "g3"):
        own = (cells.obs["group"] == group).to_numpy()
        p_values = []
        for tf in TFS:
            inside, outside = (cells.obsm["activity"].loc[rows, tf] for rows in (own, ~own))
            test = stats.mannwhitneyu(inside, outside, method="asymptotic", use_continuity=False)
            row = table.loc[(group, tf)]
            assert row["p_value"] == pytest.approx(test.pvalue, rel=1e-4)
            assert row["effect"] == pytest.approx(inside.mean() - outside.mean())
            assert row["mean_activity"] == pytest.approx(inside.mean())
            assert np.sign(row["statistic"]) == np.sign(row["effect"])
            p_values.append(row["p_value"])
        fdr = stats.false_discovery_control(p_values)
        np.testing.assert_allclose(table.loc[group].loc[TFS, "fdr"], fdr, rtol=1e-6)


def test_the_most_activated_tf_of_each_group_comes_first(cells):
    table = rank_regulators(cells, EDGES, "group")
    assert table.groupby("group")["statistic"].is_monotonic_decreasing.all()
    assert table.loc[table["group"] == "g1", "source"].iloc[0] == "A"
    assert table.loc[table["group"] == "g2", "source"].iloc[-1] == "B"


def test_permuted_labels_give_no_discoveries(cells):
    rng = np.random.default_rng(1)
    mixed = rng.normal(size=(120, 5)) @ rng.normal(size=(5, 100))
    names = [f"TF{i}" for i in range(100)]
    cells.obsm["activity"] = pd.DataFrame(mixed, index=cells.obs_names, columns=names)
    cells.obs["group"] = rng.permutation(cells.obs["group"])
    assert (rank_regulators(cells, EDGES, "group")["fdr"] < 0.05).mean() < 0.05


def test_donors_with_cells_on_both_sides_are_compared_with_themselves(cells):
    table = rank_regulators(cells, EDGES, "group", replicate="donor")
    means = (
        cells.obsm["activity"]["A"]
        .groupby([cells.obs["group"] == "g1", cells.obs["donor"]])
        .mean()
    )
    test = stats.ttest_rel(means[True], means[False])
    row = table[(table["group"] == "g1") & (table["source"] == "A")].iloc[0]
    assert (row["statistic"], row["p_value"]) == pytest.approx((test.statistic, test.pvalue))
    assert row["effect"] == pytest.approx((means[True] - means[False]).mean())


def test_donors_of_one_condition_are_compared_with_the_others(cells):
    table = rank_regulators(cells, EDGES, "sick", replicate="donor")
    means = cells.obsm["activity"]["C"].groupby(cells.obs["donor"]).mean()
    test = stats.ttest_ind(means[["d1", "d2"]], means[["d3", "d4"]], equal_var=False)
    row = table[(table["group"] == "yes") & (table["source"] == "C")].iloc[0]
    assert (row["statistic"], row["p_value"]) == pytest.approx((test.statistic, test.pvalue))


def test_too_few_donors_give_no_test_and_are_named(cells, caplog):
    cells.obs["donor"] = np.where(cells.obs["group"] == "g1", "d1", cells.obs["donor"])
    cells.obs.loc[cells.obs["group"] != "g1", "donor"] = "d2"
    with caplog.at_level(logging.WARNING):
        table = rank_regulators(cells, EDGES, "group", replicate="donor")
    assert "no test for g1, g2, g3" in caplog.text
    assert table["p_value"].isna().all()
    assert table["effect"].notna().all()


def test_the_place_in_the_network_is_beside(cells):
    table = rank_regulators(cells, EDGES, "group").set_index(["group", "source"])
    # Of the five genes A, B, C, x, y: A meets 3 others, B 3, C 1.
    assert table.loc["g1"].loc[TFS, "out_degree"].tolist() == [3, 1, 1]
    assert table.loc["g1"].loc[TFS, "degree_centrality"].tolist() == [0.75, 0.75, 0.25]


def test_only_the_most_important_edges_count_in_the_network(cells):
    many = [f"t{i:02}" for i in range(40)]
    edges = pd.DataFrame({"source": "A", "target": many, "weight": np.linspace(1, 2, 40)})
    edges = pd.concat([edges, EDGES.assign(weight=5.0)])
    table = rank_regulators(cells, edges, "group").set_index(["group", "source"])
    assert table.loc["g1"].loc[TFS, "out_degree"].tolist() == [28, 1, 1]


def test_groups_have_their_own_network(cells):
    parts = [EDGES.assign(group=group) for group in ("g1", "g2")]
    parts[1] = parts[1][parts[1]["source"] != "C"]
    table = rank_regulators(cells, pd.concat(parts), "group").set_index(["group", "source"])
    assert table.loc[("g1", "C"), "out_degree"] == 1
    assert np.isnan(table.loc[("g2", "C"), "out_degree"])
    assert table.loc["g3", "out_degree"].isna().all()


def test_small_groups_and_partial_tfs_are_left_out_and_named(cells, caplog):
    cells.obs.loc["0", "group"] = "tiny"
    cells.obsm["activity"].loc["1", "C"] = np.nan
    with caplog.at_level(logging.WARNING):
        table = rank_regulators(cells, EDGES, "group")
    assert "fewer than 3 cells are not ranked: tiny" in caplog.text
    assert "1 TF(s) have no activity in the cells of some groups" in caplog.text
    assert set(table["group"]) == {"g1", "g2", "g3"}
    assert set(table["source"]) == {"A", "B"}


def test_unknown_donors_are_refused(cells):
    with pytest.raises(InputError, match="replicate='patient' is no column"):
        rank_regulators(cells, EDGES, "group", replicate="patient")
