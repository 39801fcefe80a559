"""Draws what flashsign holds on the chip and what it streams, and counts both."""

from collections.abc import Sequence

from docs.figures.axes import Axes, Trace
from docs.figures.wires import PALE, Bundle, Canvas, colour

_CHIP = "#fbeee6"
_PER_HEAD = ("b", "h")


def attention_panels(canvas: Canvas, trace: Trace, top: float) -> None:
    """Draw both forms beside each other, and a table of their costs."""
    shapes = {name: _inside(axes) for name, axes in trace.attended.items()}
    sums = {name: _inside(axes) for name, axes in trace.sums.items()}
    key_key, key_value = _tell_apart(sums["key_key"]), sums["key_value"]
    streaming = _streaming(canvas, shapes, top)
    gram = _gram(canvas, shapes, (key_key, key_value), top)
    _table(canvas, shapes, (streaming, gram), (key_key, key_value), top + 290)


def _inside(axes: Axes) -> Axes:
    """Return the axes within one head of one network."""
    return tuple(axis for axis in axes if axis not in _PER_HEAD)


def _tell_apart(axes: Axes) -> Axes:
    return tuple(f"{x}'" if x in axes[:number] else x for number, x in enumerate(axes))


def _streaming(canvas: Canvas, shapes: dict[str, Axes], top: float) -> list[set[str]]:
    canvas.heading(top, "c", "streaming, for every $b$ and $h$: tiles of the map")
    canvas.area(104, top + 22, 512, top + 252, _CHIP)
    canvas.text(496, top + 36, "on chip", 11, ha="right", color=PALE)
    query = canvas.start("$q$", shapes["queries"], 60, top + 56)
    key = canvas.start("$k$", shapes["keys"][::-1], 60, top + 90)
    bias = canvas.start("$b$", shapes["bias"], 60, top + 136)
    value = canvas.start("$v$", shapes["values"], 60, top + 206)
    for bundle in (query, key, bias, value):
        _tiles(canvas, bundle, 104, {"i": "g", "j": "s"})
    scores = canvas.product(
        canvas.run(query, 160), canvas.run(key, 160), shapes["bias"], 240, top + 100
    )
    total = Bundle(shapes["bias"], 270, bias.y)
    canvas.run(scores, 270, bias.y)
    canvas.run(bias, 270)
    total = canvas.apply(total, total.axes, "+", width=24, size=15)
    canvas.text(282, total.y - 20, "$S$", 12)
    squares = canvas.run(total, 340, top + 80)
    kept = canvas.apply(squares, ("j",), r"$\Sigma_j(\cdot)^2$", shapes["row_norm"], width=52)
    received = canvas.product(
        canvas.run(total, 340, top + 176),
        canvas.run(value, 340),
        shapes["received"],
        440,
        top + 176,
    )
    _divide(canvas, kept, received)
    return [{*query.axes, *key.axes}, {*total.axes, *value.axes}]


def _divide(canvas: Canvas, square: Bundle, numerator: Bundle) -> None:
    """Divide by the root of the squared norm, at the right edge of the chip."""
    x, y = numerator.x + 14, numerator.y
    canvas.run(square, x, y - 28)
    canvas.run(numerator, x)
    canvas.box(x, y - 38, y + 18, r"$/\sqrt{\cdot}$", 30, size=13)
    out = canvas.run(Bundle(numerator.axes, x + 30, y), x + 90)
    canvas.text(x + 98, out.middle, "$o$", 13, ha="left")


def _tiles(canvas: Canvas, bundle: Bundle, x: float, names: dict[str, str]) -> None:
    """Mark at the edge of the chip what is split among groups (g) and what is streamed (s)."""
    for axis in bundle.axes:
        if name := names.get(axis):
            back = {"boxstyle": "circle,pad=0.18", "fc": "white", "ec": colour(axis), "lw": 0.7}
            canvas.text(x, bundle.at(axis), f"${name}$", 9.5, color=colour(axis), bbox=back)


def _gram(
    canvas: Canvas, shapes: dict[str, Axes], sums: tuple[Axes, Axes], top: float
) -> list[set[str]]:
    left = 600.0
    title = "gram, for every $b$ and $h$, without a bias: the map is never formed"
    canvas.heading(top, "d", title, left + 20)
    canvas.area(left + 104, top + 22, left + 512, top + 252, _CHIP)
    canvas.text(left + 496, top + 36, "on chip", 11, ha="right", color=PALE)
    key_key, key_value = sums
    other = tuple(axis + "'" if axis == "d" else axis for axis in shapes["keys"])
    query = canvas.start("$q$", shapes["queries"], left + 60, top + 66)
    one = canvas.start("$k$", shapes["keys"][::-1], left + 60, top + 142)
    value = canvas.start("$v$", shapes["values"], left + 60, top + 196)
    for bundle in (query, one, value):
        _tiles(canvas, bundle, left + 104, {"i": "s", "j": "s"})
    copied = canvas.run(one, left + 170, top + 122)
    again = canvas.run(Bundle(_other(one.axes, other), one.x, one.y), left + 170, top + 140, other)
    square = canvas.product(copied, again, key_key, left + 250, top + 116)
    mixed = canvas.product(
        canvas.run(one, left + 170, top + 178),
        canvas.run(value, left + 170),
        key_value,
        left + 250,
        top + 190,
    )
    canvas.text(left + 312, square.bottom + 13, "$G$", 12)
    canvas.text(left + 256, mixed.bottom + 12, "$KV$", 12)
    upper = canvas.run(query, left + 330, top + 90)
    applied = canvas.product(
        upper, canvas.run(square, left + 330), ("i", "d'"), left + 390, top + 96
    )
    norm = canvas.apply(applied, ("d'",), r"$\cdot\, q$", shapes["row_norm"], width=30)
    lower = canvas.run(query, left + 330, top + 166)
    received = canvas.product(
        lower, canvas.run(mixed, left + 330), shapes["received"], left + 440, top + 176
    )
    _divide(canvas, norm, received)
    return [
        {*one.axes, *other}, {*one.axes, *value.axes}, {*query.axes, *key_key},
        {*query.axes, *received.axes},
    ]  # fmt: skip


def _other(axes: Axes, renamed: Axes) -> Axes:
    return tuple(f"{axis}'" if f"{axis}'" in renamed else axis for axis in axes)


def _table(
    canvas: Canvas, shapes: dict[str, Axes], products: tuple[list[set[str]], list[set[str]]],
    sums: tuple[Axes, Axes], top: float,
) -> None:  # fmt: skip
    """Write what the two circuits cost, from their axes."""
    counted = [
        " + ".join(_size(sorted(axes, key="ijdd'e".find)) for axes in some) for some in products
    ]
    q, k, v, b = (_size(shapes[name]) for name in ("queries", "keys", "values", "bias"))
    kept = " + ".join(_size(axes) for axes in sums)
    tile = " + ".join(
        _size(axes).replace("i", "g").replace("j", "s")
        for axes in (
            shapes["queries"],
            shapes["keys"],
            shapes["values"],
            shapes["bias"],
            shapes["received"],
        )
    )
    lines = [
        ("", "streaming", "gram"),
        ("$i$", "split into groups of $g$, one program each", "streamed, second pass"),
        ("$j$", "streamed, $s$ at a time, by every group", "streamed, first pass; summed over"),
        ("multiplications", f"${counted[0]}$", f"${counted[1]}$"),
        ("held on chip", f"${tile} + g$", f"${kept}$"),
        ("read", f"${q} + {b} + (i/g)\\,({k} + {v})$", f"${k} + {v} + {q}$"),
        (
            "kept for the gradient",
            f"${_size(shapes['row_norm'])}$",
            f"${kept} + {_size(shapes['row_norm'])}$",
        ),
    ]
    for number, line in enumerate(lines):
        y = top + 22 * number
        for x, text in zip((24, 200, 640), line, strict=True):
            canvas.text(x, y, text, 13, ha="left", weight="bold" if number == 0 else "normal")
        canvas.line(20, y + 11, 1180, y + 11, lw=0.6, color=PALE)


def _size(axes: Sequence[str]) -> str:
    """Return the product of the sizes of the axes."""
    plain = [axis.rstrip("'") for axis in axes]
    return "".join(
        axis if plain.count(axis) == 1 else f"{axis}^2" for axis in dict.fromkeys(plain)
    )
