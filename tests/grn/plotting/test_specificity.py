import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from grn.errors import InputError
from grn.plotting.specificity import specificity

plt.switch_backend("Agg")
SCORES = pd.DataFrame(
    {
        "group": ["a"] * 3 + ["b"] * 3,
        "source": ["P", "Q", "R"] * 2,
        "specificity": [0.4, 0.1, 0.2, 0.2, 0.8, np.nan],
        "z": [6.0, -2.0, 0.1, -1.0, 9.0, np.nan],
    }
)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_area_is_specificity_and_colour_is_z():
    ax = specificity(SCORES, n_tfs=1)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["P", "Q"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    dots = ax.collections[0]
    found = dict(zip(map(tuple, dots.get_offsets()), dots.get_sizes(), strict=True))
    largest = found[(1, 1)]
    assert {place: size / largest for place, size in found.items()} == pytest.approx(
        {(0, 0): 0.5, (1, 0): 0.125, (0, 1): 0.25, (1, 1): 1.0}
    )
    assert dots.get_array().tolist() == [6.0, -2.0, -1.0, 9.0]
    assert dots.get_clim() == (-9.0, 9.0)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0.20", "0.40", "0.80"]


def test_a_tf_without_a_score_has_no_dot():
    ax = specificity(SCORES, n_tfs=3)
    assert len(ax.collections[0].get_offsets()) == 5


def test_another_table_is_refused():
    with pytest.raises(InputError, match=r"grn\.tl\.specificity returns"):
        specificity(SCORES.drop(columns="z"))
