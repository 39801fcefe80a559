"""Draws the update of the scores, where pairs see each other, and the key to the signs."""

from docs.figures.axes import Product, Trace
from docs.figures.wires import Bundle, Canvas, first

_SIGNS = (
    (r"$\bullet$", "product, summed over the axis"), (r"$\oplus$", "side by side"),
    (r"$\subset$", "regulators: the first genes"), (r"$T$", "transposed"),
    (r"$/\Vert\cdot\Vert$", "divided by the norm"), ("", "learned"),
)  # fmt: skip
_ROW = {"S": "heads", "W": "W", "W^T": "T", "W W": "WW", "W W^T": "WWT", r"\varphi": "phi"}
_WHITE = {"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none"}


def update_panel(canvas: Canvas, trace: Trace, top: float) -> None:
    """Draw how pairs see each other, and what that adds to the scores."""
    canvas.heading(
        top, "b", "Update of the scores: pairs see each other, and paths over a third gene"
    )
    heights = {"S": 30, "heads": 92, "W": 148, "T": 204, "WW": 260, "WWT": 368, "phi": 476}
    rows = {name: top + y for name, y in heights.items()}
    for name in ("heads", "W", "T", "WW", "WWT", "phi"):
        canvas.separate(524, 596, rows[name] - 13)
    scores = canvas.start("$S$", trace.state["scores"], 52, rows["S"])
    skipped = canvas.run(scores, 1070)
    over = canvas.run(scores, 110, rows["heads"])
    over = canvas.apply(over, ("h",), r"$/\mathrm{rms}_h$", width=46)
    weights = canvas.run(scores, 110, rows["W"])
    weights = canvas.apply(weights, ("j",), r"$/\mathrm{rms}_j$", width=46)
    reverse = canvas.run(weights, 240, rows["T"])
    reverse = canvas.apply(reverse, ("i", "j"), r"$T$", width=26)
    seen = [over, weights, reverse]
    seen += [
        _paths(canvas, product, weights, rows[name])
        for name, product in zip(("WW", "WWT"), trace.products[2:], strict=True)
    ]
    seen.append(canvas.start(r"$\varphi$", trace.state["channels"], 440, rows["phi"]))
    names = ("S", "W", "W^T", "W W", "W W^T", r"\varphi")
    for bundle, axes, name in zip(seen, trace.features, names, strict=True):
        assert bundle.axes == axes, f"{name}: drawn with {bundle.axes}, computed with {axes}"
        end = canvas.run(bundle, 600, rows[_ROW[name]])
        canvas.text(500, end.y - 11, f"${name}$", 12)
        canvas.name_wires(end, 580)
    _pair_network(canvas, trace, rows, skipped)
    for number, (sign, meaning) in enumerate(_SIGNS):
        x, y = 680 + 250 * (number % 2), top + 462 + 20 * (number // 2)
        if sign:
            canvas.text(x + 8, y, sign, 13)
        else:
            canvas.box(x, y - 7, y + 7, "", 16, learned=True)
        canvas.text(x + 26, y, meaning, 12, ha="left")


def _paths(canvas: Canvas, product: Product, weights: Bundle, y: float) -> Bundle:
    """Draw a product of the map with its own rows for the regulators."""
    left = canvas.run(weights, 240, y)
    left = canvas.run(Bundle(product.left, 240, y), 330)
    canvas.name_wires(left, 262)
    of_regulators = canvas.run(weights, 226, y + 50)
    taken = tuple("k" if axis == "i" else axis for axis in weights.axes)
    of_regulators = canvas.apply(of_regulators, ("i",), r"$\subset$", taken, width=26, size=13)
    right = canvas.run(of_regulators, 330, y + 48, first("k", taken))
    assert set(right.axes) == set(product.right)
    return canvas.product(left, right, product.result, 430, y + 18)


def _pair_network(
    canvas: Canvas, trace: Trace, rows: dict[str, float], scores: Bundle
) -> None:  # fmt: skip
    """Draw the network over pairs, and what it adds to the scores."""
    canvas.box(600, rows["heads"] - 10, rows["phi"] + 40, r"$\oplus$", 24, size=15)
    inside, hidden = trace.layers["update.first"]
    y = rows["T"] + 34
    many = canvas.run(Bundle(inside, 624, y), 730)
    canvas.text(680, many.at(inside[1]), f"${inside[1]}$", 11, bbox=_WHITE)
    found = canvas.apply(many, inside[1:2], "linear", hidden, width=42, learned=True)
    found = canvas.run(found, 860)
    canvas.name_wires(found, 800)
    for name, start in (("update.of_target", y + 92), ("update.of_regulator", y + 160)):
        tokens, out = trace.layers[name]
        bundle = canvas.start("$h$", trace.state["tokens"], 686, start)
        bundle = canvas.run(bundle, 696)
        if tokens != bundle.axes:
            bundle = canvas.apply(bundle, ("i",), r"$\subset$", tokens, width=26, size=13)
        bundle = canvas.run(bundle, 730)
        bundle = canvas.apply(bundle, tokens[-1:], "linear", out, width=42, learned=True)
        bundle = canvas.run(bundle, 860)
        canvas.name_wires(bundle, 800)
    canvas.box(860, y - 8, y + 188, "+", 24, size=15)
    found = canvas.run(Bundle(hidden, 884, y), 910)
    found = canvas.apply(found, hidden[1:2], "gelu", width=36)
    found = canvas.run(found, 960)
    found = canvas.apply(
        found, hidden[1:2], "linear", trace.layers["update.last"][1], width=42, learned=True
    )
    canvas.name_wires(canvas.run(found, 1024), 1016)
    canvas.run(Bundle(found.axes, 1024, y), 1070, rows["S"], scores.axes)
    total = canvas.apply(scores, scores.axes, "+", width=24, size=15)
    canvas.text(1164, canvas.run(total, 1150).middle, "$S$", 13, ha="left")
