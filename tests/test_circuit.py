"""The figure of docs/method.md is what the layer's own shapes give."""

from pathlib import Path

from docs.figures.axes import trace_block
from docs.figures.circuit import save

FIGURE = Path(__file__).parents[1] / "docs/figures/circuit.svg"


def test_the_figure_is_what_the_script_draws(tmp_path: Path) -> None:
    save(tmp_path / "circuit.svg")
    drawn = (tmp_path / "circuit.svg").read_text(encoding="utf-8")
    message = "the layer or the script changed: python -m docs.figures.circuit"
    assert drawn == FIGURE.read_text(encoding="utf-8"), message


def test_every_head_of_every_network_has_scores_of_its_own() -> None:
    trace = trace_block()
    assert trace.attended["bias"] == trace.state["scores"] == ("b", "h", "i", "j")
    assert trace.products[0].left[-1] == "a"  # r · u ends in a product over the axes
    assert {product.left[-1] for product in trace.products[2:]} == {"k"}
