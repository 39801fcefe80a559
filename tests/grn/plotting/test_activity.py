import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from grn.errors import InputError
from grn.plotting.activity import activity

plt.switch_backend("Agg")
DRIVERS = pd.DataFrame(
    {
        "group": ["b"] * 3 + ["a"] * 3,
        "source": ["P", "Q", "R"] * 2,
        "effect": [0.1, 2.0, -1.0, 1.5, -0.5, 0.2],
        "statistic": [0.3, 5.0, -3.0, 4.0, -1.0, 0.9],
        "fdr": [0.8, 0.001, 0.01, 0.001, 0.2, 0.3],
    }
)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_the_best_tfs_of_each_group_are_drawn_in_the_order_of_the_groups():
    ax = activity(DRIVERS, n_tfs=1)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["P", "Q"]
    np.testing.assert_allclose(ax.images[0].get_array(), [[1.5, 0.1], [-0.5, 2.0]])


def test_a_dot_marks_what_is_significant():
    ax = activity(DRIVERS, n_tfs=3)
    tfs = [label.get_text() for label in ax.get_yticklabels()]
    assert sorted(tfs) == ["P", "Q", "R"]
    dots = {(tfs[int(y)], "ab"[int(x)]) for x, y in ax.collections[0].get_offsets()}
    assert dots == {("Q", "b"), ("R", "b"), ("P", "a")}
    assert ax.get_legend().get_texts()[0].get_text() == "FDR < 0.05"


def test_another_table_is_refused():
    with pytest.raises(InputError, match=r"grn\.tl\.rank_regulators returns"):
        activity(DRIVERS.drop(columns="fdr"))
