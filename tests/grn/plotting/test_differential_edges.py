import matplotlib.pyplot as plt
import pandas as pd
import pytest

from grn.errors import InputError
from grn.plotting.differential_edges import differential_edges

plt.switch_backend("Agg")
TABLE = pd.DataFrame(
    {
        "source": ["A", "B", "C"],
        "target": ["x", "y", "z"],
        "score": [0.5, -0.2, 0.1],
        "reference_score": [0.1, 0.6, 0.0],
        "z": [3.0, -5.0, 1.0],
        "fdr": [0.01, 0.001, 0.4],
    }
)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def points(ax):
    """Offsets of the dots of both groups; those of the legend are empty."""
    return [dots.get_offsets().tolist() for dots in ax.collections if len(dots.get_offsets())]


def test_the_edges_that_differ_most_are_on_top():
    ax = differential_edges(TABLE, top=2, group="T cells", reference="B cells")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["B → y", "A → x"]
    assert points(ax) == [[[-0.2, 0], [0.5, 1]], [[0.6, 0], [0.1, 1]]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["T cells", "B cells"]
    low, high = ax.get_ylim()
    assert low > high


def test_edges_that_may_be_chance_are_pale():
    ax = differential_edges(TABLE)
    shown = [dots for dots in ax.collections if len(dots.get_offsets())]
    for dots in shown:
        assert [colour[3] for colour in dots.get_facecolors()] == [1.0, 1.0, 0.35]


def test_another_table_is_refused():
    with pytest.raises(InputError, match=r"grn\.tl\.differential_edges returns"):
        differential_edges(TABLE.drop(columns="reference_score"))
