"""Draws one block of the transformer as a neural circuit diagram, from its own shapes.

    python -m docs.figures.circuit        # from the checkout; writes docs/figures/circuit.svg

Wires are axes, boxes are functions, a dot is a sum over an axis (docs/method.md explains more).
"""

import argparse
import io
import re
from pathlib import Path

from docs.figures.attention_panels import attention_panels
from docs.figures.axes import Axes, Trace, trace_block
from docs.figures.update_panel import update_panel
from docs.figures.wires import Bundle, Canvas, colour, first

WIDTH, HEIGHT = 1200, 1645
_NUMBER = re.compile(r"\d+\.\d{3,}")
_LEGEND = {
    "b": "networks of a batch", "h": "heads", "i": "targets: all genes", "j": "regulators",
    "k": "regulators in between", "d": "features of a head", "a": "axes of a profile",
    "w": "width of a token", "c": "channels of a pair", "p": "hidden units",
    "e": "$d + a$, side by side",
}  # fmt: skip


def draw() -> Canvas:
    """Return the whole figure."""
    trace = trace_block()
    canvas = Canvas(WIDTH, HEIGHT)
    _legend(canvas, trace)
    _attention(canvas, trace, 84)
    update_panel(canvas, trace, 640)
    attention_panels(canvas, trace, 1190)
    return canvas


def save(path: Path) -> None:
    """Write the figure, the same bytes every time."""
    figure = draw().figure
    if path.suffix != ".svg":
        figure.savefig(path)
        return
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    lines = (line.strip() for line in written.getvalue().splitlines())
    path.write_text(_NUMBER.sub(_shorter, "\n".join(lines)) + "\n", encoding="utf-8")


def _shorter(number: re.Match[str]) -> str:
    value = float(number[0])
    return f"{value:.2f}".rstrip("0").rstrip(".") if value >= 1 else f"{value:.4f}"


def _legend(canvas: Canvas, trace: Trace) -> None:
    used = {axis for axes in (*trace.attended.values(), *trace.state.values()) for axis in axes}
    used |= {axis for product in trace.products for axis in product.left} | {"p"}
    shown = [axis for axis in _LEGEND if axis in used]
    for number, axis in enumerate(shown):
        x, y = 24 + 194 * (number % 6), 20 + 20 * (number // 6)
        canvas.wire(axis, x, y, x + 30, y)
        canvas.text(x + 38, y, f"${axis}$", 13, color=colour(axis))
        canvas.text(x + 49, y, _LEGEND[axis], 12, ha="left")


def _last(axis: str, axes: Axes) -> Axes:
    return (*(other for other in axes if other != axis), axis)


def _attention(canvas: Canvas, trace: Trace, top: float) -> None:
    canvas.heading(
        top, "a", "Spherical attention: scores, the map, and what genes receive through it"
    )
    at = trace.attended
    heights = {
        "h": 26,
        "sent": 80,
        "q": 144,
        "k": 192,
        "S": 262,
        "v": 328,
        "u": 392,
        "r": 440,
        "skip": 490,
    }
    rows = {name: top + y for name, y in heights.items()}
    for row in ("sent", "q", "k", "S", "v", "u", "r"):
        canvas.separate(250, 410, rows[row] - (9 if row in ("k", "r") else 17))
    canvas.separate(250, 410, rows["r"] + 41)

    tokens = canvas.start("$h$", trace.state["tokens"], 52, rows["h"])
    skipped = canvas.run(tokens, 1010)
    normed = canvas.apply(
        canvas.run(tokens, 76, rows["h"] + 62), ("w",), "norm", width=38, learned=True
    )
    sent, queries, keys, values = (
        _linear(canvas, trace, layer, normed, rows[row], name, order)
        for layer, row, name, order in (
            ("value_of_target", "sent", "v'", _last("i", trace.products[1].right)),
            ("query", "q", "q", at["queries"]),
            ("key", "k", "k", first("d", at["keys"])),
            ("value", "v", "v", _last("d", at["keys"])),
        )
    )
    regulators, received_by = _scores(canvas, trace, queries, keys, rows)
    total, residual = received_by
    weights = canvas.run(total, 650)
    canvas.name(Bundle(total.axes, 622, total.y), "$S$, to b", 6)
    weights = canvas.apply(weights, ("j",), r"$/\Vert\cdot\Vert$", width=40)
    weights = canvas.run(weights, 720)
    canvas.name(weights, "$W$", -14)

    both = Bundle(at["values"], 634, rows["v"] + 16)
    canvas.run(values, 610)
    canvas.run(regulators, 610, rows["v"] + 52)
    canvas.box(610, rows["v"] - 8, rows["v"] + 80, r"$\oplus$", 24, size=15)
    values = canvas.run(both, 760, rows["v"] + 44, first("j", at["values"]))
    canvas.name(values, r"$v\oplus u$", -40)
    down = canvas.run(weights, 760, rows["v"] - 4, _last("j", at["weights"]))
    received = canvas.product(down, values, at["received"], 840, rows["v"] + 20)
    canvas.name_wires(received, 846)
    product = trace.products[1]
    up = canvas.run(weights, 760, rows["sent"] + 46, first("i", product.left))
    incoming = canvas.product(canvas.run(sent, 760), up, product.result, 840, rows["sent"] + 22)
    canvas.name_wires(incoming, 846)
    norms = canvas.run(weights, 780)
    canvas.box(780, norms.y - 8, norms.bottom + 8, "rows,\ncolumns", 56, size=11)
    of_rows = canvas.run(Bundle((*at["row_norm"], "4"), 836, norms.y), 910)
    canvas.name_wires(of_rows, 850)
    _streams(canvas, trace, rows, skipped, residual, (incoming, received))


def _scores(
    canvas: Canvas, trace: Trace, queries: Bundle, keys: Bundle, rows: dict[str, float]
) -> tuple[Bundle, tuple[Bundle, Bundle]]:
    """Draw the three parts of the scores; return u of the regulators, the scores and r."""
    at, product = trace.attended, trace.products[0]
    carried = canvas.run(canvas.start("$S$", trace.state["scores"], 280, rows["S"]), 580)
    profiles = canvas.run(canvas.start("$u$", trace.state["profiles"], 280, rows["u"]), 310)
    taken = tuple("j" if axis == "i" else axis for axis in profiles.axes)
    regulators = canvas.apply(profiles, ("i",), r"$\subset$", taken, width=26, size=13)
    residual = canvas.start("$r$", trace.state["residual"], 280, rows["skip"])
    unit = canvas.run(residual, 334, rows["r"], first("a", product.left))
    unit = canvas.apply(unit, ("a",), r"$/\Vert\cdot\Vert$", width=38)
    unit = canvas.run(unit, 410)
    canvas.text(396, unit.bottom + 11, r"$\hat r$", 12)
    known = canvas.run(regulators, 410)
    by_profiles = canvas.product(known, unit, product.result, 490, rows["r"] - 22)
    by_profiles = canvas.apply(by_profiles, ("h",), r"$\gamma_h$", width=28, learned=True)
    by_tokens = canvas.product(
        canvas.run(queries, 410), canvas.run(keys, 410), at["bias"], 518, rows["q"] + 20
    )
    canvas.name(by_tokens, r"$q\cdot k$", -2)
    canvas.text(by_profiles.x - 6, by_profiles.bottom + 13, r"$\gamma\,\hat r\cdot u$", 12)
    for part in (by_tokens, by_profiles):
        canvas.run(part, 580, rows["S"])
    return known, (canvas.apply(carried, at["bias"], "+", width=24, size=15), residual)


def _streams(
    canvas: Canvas, trace: Trace, rows: dict[str, float], tokens: Bundle, residual: Bundle,
    found: tuple[Bundle, Bundle],
) -> None:  # fmt: skip
    """Draw what tokens and residual profiles take from attention."""
    incoming, received = found
    parts = {name: tuple(name if x == "e" else x for x in received.axes) for name in ("d", "a")}
    canvas.run(incoming, 910, rows["sent"] + 66)
    canvas.run(Bundle(parts["d"], received.x, received.y), 910, rows["S"] + 58)
    inside, outside = trace.layers["merge"]
    canvas.box(910, rows["sent"] + 50, rows["S"] + 106, "", 62, learned=True)
    canvas.text(941, rows["q"] + 74, f"merge\n\n${inside[-1]}$\n$\\to {outside[-1]}$", 12)
    canvas.run(Bundle(outside, 972, rows["q"] + 64), 1010, rows["h"])
    summed = canvas.apply(tokens, outside, "+", width=24, size=15)
    new = canvas.apply(canvas.run(summed, 1070), ("w",), "+ mlp", width=50, learned=True)
    canvas.text(1164, canvas.run(new, 1150).middle, "$h$", 13, ha="left")
    taken = canvas.run(Bundle(parts["a"], received.x, received.y), 960, rows["u"] + 24)
    taken = canvas.apply(taken, ("h",), r"$\beta_h$", width=28, learned=True)
    canvas.name_wires(taken, 950)
    canvas.run(taken, 1070, rows["skip"])
    left = canvas.apply(canvas.run(residual, 1070), residual.axes, "−", width=24, size=15)
    canvas.text(1164, canvas.run(left, 1150).middle, "$r$", 13, ha="left")


def _linear(
    canvas: Canvas, trace: Trace, layer: str, tokens: Bundle, y: float, name: str, order: Axes
) -> Bundle:
    """Draw a linear layer whose features are dealt to the heads."""
    axes, _ = trace.layers[layer]
    taken = canvas.run(tokens, 172, y)
    if axes == tokens.axes:
        taken = canvas.run(taken, 216)
    else:
        taken = canvas.run(canvas.apply(taken, ("i",), r"$\subset$", axes, width=26, size=13), 216)
    found = canvas.apply(taken, axes[-1:], f"${name}$", (*axes[:-1], "h", "d"), learned=True)
    found = canvas.run(found, 330, y, order)
    canvas.name_wires(found, 344)
    return canvas.run(found, 360)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).with_name("circuit.svg")
    parser.add_argument("--output", type=Path, default=default)
    save(parser.parse_args().output)
