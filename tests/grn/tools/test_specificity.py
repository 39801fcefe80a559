import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon

from grn.tools.specificity import specificity

GROUPS = np.repeat(["a", "b"], [30, 70])


def cells_with(**activity):
    table = pd.DataFrame(activity, index=[f"c{i}" for i in range(100)])
    obs = pd.DataFrame({"group": GROUPS}, index=table.index)
    return anndata.AnnData(np.ones((100, 2)), obs=obs, obsm={"activity": table})


def scores(adata):
    return specificity(adata, "group").set_index(["group", "source"])


def test_it_is_1_less_the_distance_of_jensen_and_shannon():
    active = np.random.default_rng(0).gamma(1.0, size=100)
    found = scores(cells_with(TF=active))
    for group in "ab":
        indicator = (group == GROUPS) / (group == GROUPS).sum()
        expected = 1 - jensenshannon(active / active.sum(), indicator, base=2)
        assert found.loc[(group, "TF"), "specificity"] == pytest.approx(expected)
        assert found.loc[(group, "TF"), "mean_activity"] == pytest.approx(
            active[group == GROUPS].mean()
        )


def test_it_ranges_from_0_to_1():
    found = scores(cells_with(own=0.1 * (GROUPS == "a"), other=0.7 * (GROUPS == "b")))
    assert found.loc[("a", "own"), "specificity"] == pytest.approx(1.0)
    assert found.loc[("a", "other"), "specificity"] == pytest.approx(0.0)
    assert found.loc[("b", "other"), "specificity"] == pytest.approx(1.0)


def test_chance_is_what_permuted_labels_give():
    rng = np.random.default_rng(1)
    adata = cells_with(TF=rng.normal(size=100))
    found = scores(adata)
    divergences = []
    for _ in range(500):
        adata.obs["group"] = rng.permutation(GROUPS)
        permuted = scores(adata).loc[("a", "TF")]
        divergences.append((1 - permuted["specificity"]) ** 2)
        assert permuted["expected"] == pytest.approx(found.loc[("a", "TF"), "expected"])
    mean, sd = np.mean(divergences), np.std(divergences)
    assert found.loc[("a", "TF"), "expected"] == pytest.approx(1 - np.sqrt(mean), abs=0.005)
    own = (1 - found.loc[("a", "TF"), "specificity"]) ** 2
    assert found.loc[("a", "TF"), "z"] == pytest.approx((mean - own) / sd, abs=0.25)


def test_the_most_specific_tf_of_a_group_comes_first():
    rng = np.random.default_rng(2)
    noise = rng.gamma(1.0, size=(3, 100))
    adata = cells_with(A=noise[0], B=noise[1] + 2 * (GROUPS == "a"), C=noise[2] * (GROUPS == "b"))
    table = specificity(adata, "group")
    assert table.groupby("group")["source"].first().to_dict() == {"a": "B", "b": "C"}


def test_a_tf_that_is_active_nowhere_has_no_score_and_comes_last():
    table = specificity(cells_with(never=-1.0, some=np.arange(100.0)), "group")
    assert table.groupby("group")["source"].last().tolist() == ["never", "never"]
    assert table.loc[table["source"] == "never", ["specificity", "z"]].isna().all(axis=None)
