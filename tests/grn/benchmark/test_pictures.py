from collections.abc import Callable

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from grn.benchmark.pictures import accuracy_time, heatmap, precision_by_recall
from grn.benchmark.run import Outcome
from grn.benchmark.summary import overview

pytestmark = pytest.mark.usefixtures("library")


@pytest.fixture
def outcome(bench: Callable[..., Outcome]) -> Outcome:
    return bench(["pearson", "closed_form"], seeds=[0])


def overlaps(texts: list) -> list[tuple[str, str]]:
    """Return the texts that cover one another on the drawn figure."""
    # Of an annotation, without its line.
    boxes = [(text.get_text(), Text.get_window_extent(text)) for text in texts]
    return [
        (name, other)
        for i, (name, box) in enumerate(boxes)
        for other, box_of_other in boxes[:i]
        if name and other and box.overlaps(box_of_other)
    ]


def test_the_heat_map_holds_the_ratios(outcome: Outcome) -> None:
    ranked = overview(outcome.results)
    ax = heatmap(outcome.results, ranked).axes[0]
    rows = [label.get_text() for label in ax.get_yticklabels()]
    assert rows == [name.replace("_", " ") for name in ranked.index]
    columns = [label.get_text() for label in ax.get_xticklabels()]
    assert columns == ["geometric mean", "toy all", "toy half", "other"]
    numbers = {text.get_position(): text.get_text() for text in ax.texts}
    found = outcome.results.set_index(["method", "network", "metric"])["value"]
    place = ax.get_xticks()[2], ax.get_yticks()[rows.index("target mean")]
    assert numbers[place] == f"{found['target_mean', 'half', 'auprc_ratio']:.2f}"
    assert numbers[0, 0] == f"{ranked['mean'].iloc[0]:.2f}"
    assert len(numbers) == 4 * 6
    # The rows are apart where the controls begin.
    gaps = ax.get_yticks()[1:] - ax.get_yticks()[:-1]
    assert gaps.tolist() == pytest.approx([1, 1.4, 1, 1, 1])


def test_a_cell_without_result_is_a_dash(outcome: Outcome) -> None:
    results = outcome.results
    gone = (results["method"] == "pearson") & (results["network"] == "half")
    ax = heatmap(results[~gone], overview(results[~gone])).axes[0]
    assert [text.get_text() for text in ax.texts].count("–") == 2  # the cell and the mean


def test_every_network_has_its_curves(outcome: Outcome) -> None:
    figure = precision_by_recall(outcome.curves, overview(outcome.results))
    FigureCanvasAgg(figure).draw()
    panels = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title() for ax in panels] == ["toy all", "toy half", "other"]
    assert {len(ax.get_lines()) for ax in panels} == {6}
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert set(shown) == {
        *("pearson", "closed form", "untrained", "random"),
        *("target mean", "tf variance"),
    }
    looks = {
        (line.get_color(), line.get_linestyle(), line.get_label())
        for line in panels[0].get_lines()
    }
    assert len({look[:2] for look in looks}) >= 5  # methods by colour, controls by dashes
    assert overlaps(figure.legends[0].get_texts()) == []


def test_names_beside_the_points_do_not_cover_one_another(outcome: Outcome) -> None:
    ranked = overview(outcome.results)
    figure = accuracy_time(ranked)
    FigureCanvasAgg(figure).draw()
    names = [text for text in figure.axes[0].texts if text.get_text() != "random"]
    assert len(names) == 5  # the random ranking is a line
    assert overlaps(names) == []
    crowded = ranked.assign(mean=1.5 + ranked["mean"] / 1000, seconds=2.0)
    figure = accuracy_time(crowded)
    FigureCanvasAgg(figure).draw()
    names = [text for text in figure.axes[0].texts if text.get_text() != "random"]
    assert overlaps(names) == []
