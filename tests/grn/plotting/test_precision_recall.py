import matplotlib.pyplot as plt
import pandas as pd
import pytest

from grn.plotting.precision_recall import precision_recall

plt.switch_backend("Agg")

CURVES = pd.DataFrame(
    [
        *[("edges", 0.5, 1.0), ("edges", 0.5, 0.5), ("edges", 1.0, 0.4)],
        *[("closed_form", 1.0, 0.25), ("random", 0.0, 0.2), ("random", 1.0, 0.2)],
    ],
    columns=["method", "recall", "precision"],
)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_every_method_has_a_line_and_its_area():
    ax = precision_recall(CURVES)
    assert [line.get_label() for line in ax.lines] == [
        "edges  0.700",
        "closed form  0.250",
        "random  0.200",
    ]
    assert ax.lines[0].get_xdata().tolist() == [0.5, 0.5, 1.0]
    assert ax.lines[0].get_ydata().tolist() == [1.0, 0.5, 0.4]
    assert set(ax.lines[2].get_ydata()) == {0.2}
    assert len({line.get_color() for line in ax.lines}) == 3
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("recall", "precision")


def test_given_axes_are_used():
    _, ax = plt.subplots()
    assert precision_recall(CURVES, ax=ax) is ax
