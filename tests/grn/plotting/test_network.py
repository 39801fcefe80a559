import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from grn.edges.matrix import edge_table
from grn.errors import InputError
from grn.plotting.network import network
from grn.plotting.style import ACTIVATION, FOCUS, REPRESSION

plt.switch_backend("Agg")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def random_edges(n_tfs, n_genes):
    genes = [f"GENE{i}" for i in range(n_genes)]
    weight = np.random.default_rng(0).normal(size=(n_tfs, n_genes))
    return edge_table(weight, np.abs(weight), genes[:n_tfs], genes)


def arrows(ax):
    return [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]


def test_the_best_edges_are_drawn_signs_apart():
    edges = pd.DataFrame({"source": ["A", "A", "B"], "target": ["B", "C", "A"]})
    edges["weight"] = [2.0, -1.0, 0.5]
    edges["importance"] = edges["weight"].abs()
    ax = network(edges, top=2)
    assert isinstance(ax, Axes)
    assert {text.get_text() for text in ax.texts} == {"A", "B", "C"}
    assert [to_hex(arrow.get_edgecolor()).upper() for arrow in arrows(ax)] == [
        ACTIVATION,
        REPRESSION,
    ]
    heads = [type(arrow.get_arrowstyle()).__name__ for arrow in arrows(ax)]
    assert heads == ["CurveFilledB", "BracketB"]
    widths = [arrow.get_linewidth() for arrow in arrows(ax)]
    assert widths[0] > widths[1]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["activation", "repression", "regulator", "target only"]


def test_unsigned_edges_have_no_head_and_their_own_name():
    edges = pd.DataFrame({"source": ["A", "B"], "target": ["B", "A"], "weight": 0.0})
    ax = network(edges.assign(importance=0.0))
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["unsigned", "regulator"]


@pytest.mark.parametrize("top", [1, 20, 60])
def test_no_two_names_overlap(top):
    ax = network(random_edges(9, 40), top=top)
    ax.figure.draw_without_rendering()
    boxes = [p.get_window_extent() for p in ax.patches if isinstance(p, FancyBboxPatch)]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert ax.get_window_extent().padded(1).containsx(box.x0)
        assert ax.get_window_extent().padded(1).containsx(box.x1)


def test_given_axes_are_used_and_the_picture_is_the_same_each_time():
    _, axes = plt.subplots(1, 2, figsize=(12, 5))
    edges = random_edges(4, 9)
    one, two = network(edges, top=9, ax=axes[0]), network(edges, top=9, ax=axes[1])
    assert (one, two) == tuple(axes)
    positions = [[text.get_position() for text in ax.texts] for ax in axes]
    np.testing.assert_allclose(*positions)


@pytest.mark.parametrize(
    ("edges", "top"),
    [
        (pd.DataFrame(columns=["source", "target", "weight", "importance"]), 50),
        (pd.DataFrame({"source": ["A"], "target": ["B"]}), 50),
        (
            pd.DataFrame({"source": ["A"], "target": ["B"], "weight": [0.5], "importance": [0.5]}),
            0,
        ),
    ],
    ids=["no edges", "no weights", "top of 0"],
)
def test_nothing_to_draw_is_said(edges: pd.DataFrame, top: int) -> None:
    with pytest.raises(InputError, match="expected an edge table"):
        network(edges, top=top)


def test_around_a_gene_only_its_edges_are_drawn_regulators_left_and_targets_right():
    edges = random_edges(9, 40)
    ax = network(edges, around="GENE3", top=16)
    own = edges[(edges["source"] == "GENE3") | (edges["target"] == "GENE3")].head(16)
    place = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert set(place) == set(own["source"]) | set(own["target"])
    assert len(arrows(ax)) == 16
    regulators = set(own["source"]) - {"GENE3"}
    left = [place[name] for name in regulators]
    right = [place[name] for name in set(place) - regulators - {"GENE3"}]
    assert max(left) < place["GENE3"]
    assert np.mean(right) > place["GENE3"] + 50
    framed = [p for p in ax.patches if isinstance(p, FancyBboxPatch) and p.get_linewidth() > 2]
    assert [to_hex(box.get_edgecolor()).upper() for box in framed] == [FOCUS]


@pytest.mark.parametrize("top", [1, 12, 39])
def test_no_two_names_around_a_gene_overlap(top):
    ax = network(random_edges(1, 40), around="GENE0", top=top)
    ax.figure.draw_without_rendering()
    boxes = [p.get_window_extent() for p in ax.patches if isinstance(p, FancyBboxPatch)]
    assert len(boxes) == top + 1
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_a_gene_without_edges_gives_close_names():
    with pytest.raises(
        InputError, match=r"no edge of 'gene3' is in the table\. Did you mean GENE3"
    ):
        network(random_edges(4, 9), around="gene3")
