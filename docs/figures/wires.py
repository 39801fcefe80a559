"""Draws tensors as bundles of wires, one wire per axis (Abbott 2024, arXiv 2402.05424)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyBboxPatch, Patch, PathPatch
from matplotlib.path import Path

Axes = tuple[str, ...]

PITCH = 10.0
"""Between two wires of a tensor, in pixels."""

INK, PALE = "#1f2933", "#8a94a0"
_COLOURS = {
    "d'": "#43c59e",
    "b": "#b4bcc6", "h": "#6b7785", "i": "#0072b2", "j": "#d55e00", "k": "#cc79a7",
    "d": "#009e73", "a": "#8b5cf6", "e": "#009e73", "w": "#a67c1a", "c": "#56a5c9", "p": "#5d4a3a",
}  # fmt: skip
_COMPOSED = "#5d4a3a"


def colour(axis: str) -> str:
    """Return the colour of an axis; axes made of several have one of their own."""
    return _COLOURS.get(axis, _COMPOSED)


def first(axis: str, axes: Axes) -> Axes:
    """Return the axes with one of them in front."""
    return (axis, *(other for other in axes if other != axis))


class Bundle(NamedTuple):
    """Where the wires of a tensor end; the first one is the highest."""

    axes: Axes
    x: float
    y: float

    def at(self, axis: str) -> float:
        """Return the height of a wire."""
        return self.y + PITCH * self.axes.index(axis)

    @property
    def bottom(self) -> float:
        """Return the height of the lowest wire."""
        return self.y + PITCH * (len(self.axes) - 1)

    @property
    def middle(self) -> float:
        """Return the height between the first wire and the last."""
        return (self.y + self.bottom) / 2


class Canvas:
    """A figure measured in pixels, with y pointing down.

    Parameters
    ----------
    width, height
        Of the figure.
    """

    def __init__(self, width: float, height: float) -> None:
        mpl.rcParams.update({"svg.hashsalt": "circuit", "svg.fonttype": "path"})
        self.figure = Figure(figsize=(width / 100, height / 100), dpi=100)
        self._plot: Plot = self.figure.add_axes((0, 0, 1, 1))
        self._plot.set(xlim=(0, width), ylim=(height, 0))
        self._plot.axis("off")

    def text(self, x: float, y: float, text: str, size: float = 10, **style: Any) -> None:
        """Write, centred unless `ha` says otherwise; `size` in pixels of height of the font."""
        style = {"ha": "center", "va": "center", "color": INK, **style}
        self._plot.text(x, y, text, fontsize=size * 0.72, zorder=6, clip_on=False, **style)

    def heading(self, y: float, letter: str, text: str, x: float = 20) -> None:
        """Write the title of a panel."""
        self.text(x, y, letter, 17, ha="left", weight="bold")
        self.text(x + 20, y, text, 14, ha="left")

    def start(self, name: str, axes: Sequence[str], x: float, y: float) -> Bundle:
        """Begin a tensor: its name, and the name of every wire."""
        bundle = Bundle(tuple(axes), x, y)
        self.text(x - 19, bundle.middle, name, 13, ha="right")
        self.name_wires(bundle)
        return bundle

    def name_wires(self, bundle: Bundle, x: float | None = None) -> None:
        """Write the axis on every wire, at x or before the end of the bundle."""
        back = {"boxstyle": "square,pad=0.08", "fc": "white", "ec": "none"}
        for axis in bundle.axes:
            at = bundle.x - 8 if x is None else x
            name = f"${axis}$"
            self.text(at, bundle.at(axis), name, 11, color=colour(axis), bbox=back)

    def name(self, bundle: Bundle, name: str, dx: float = 0) -> None:
        """Write the name of a tensor above its wires."""
        self.text(bundle.x + dx, bundle.y - 9, name, 12)

    def wire(self, axis: str, x0: float, y0: float, x1: float, y1: float) -> None:
        """Draw a wire that leaves and arrives level."""
        if y0 == y1:
            self._stroke(Path([(x0, y0), (x1, y1)]), axis, on_top=False)
            return
        middle = (x0 + x1) / 2
        curve = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
        self._stroke(Path([(x0, y0), (middle, y0), (middle, y1), (x1, y1)], curve), axis)

    def _add(self, patch: Patch) -> None:
        self._plot.add_patch(patch).set_clip_on(False)  # saves a reference in every patch

    def _stroke(self, path: Path, axis: str, *, on_top: bool = True) -> None:
        width = 1.2 if axis == "b" else 1.5
        halo = [("white", 2.4, 1.0)] if on_top else []
        for colour_, extra, order in (*halo, (colour(axis), 0.0, 2.0)):
            self._add(
                PathPatch(path, fill=False, ec=colour_, lw=width + extra, zorder=order,
                          capstyle="butt")
            )  # fmt: skip
        if axis == "e":  # d and a side by side
            self._add(
                PathPatch(
                    path,
                    clip_on=False,
                    fill=False,
                    ec=colour("a"),
                    lw=width,
                    zorder=2,
                    ls=(0, (4, 4)),
                )
            )

    def run(
        self, bundle: Bundle, x: float, y: float | None = None, axes: Sequence[str] | None = None
    ) -> Bundle:
        """Lead the wires on to x, to another height and in another order if wanted."""
        end = Bundle(tuple(axes or bundle.axes), x, bundle.y if y is None else y)
        for axis in bundle.axes:
            if axis in end.axes:
                self.wire(axis, bundle.x, bundle.at(axis), x, end.at(axis))
        return end

    def product(
        self, left: Bundle, right: Bundle, axes: Sequence[str], x: float, y: float
    ) -> Bundle:
        """Multiply two tensors; an axis of both that the result has not is summed over."""
        end = Bundle(tuple(axes), x, y)
        for axis in left.axes:
            if axis not in end.axes:
                self._join(axis, left, right)
        for factor in (right, left):
            for axis in factor.axes:
                if axis in end.axes:
                    self.wire(axis, factor.x, factor.at(axis), x, end.at(axis))
        return end

    def _join(self, axis: str, left: Bundle, right: Bundle) -> None:
        x, y0, y1 = left.x, left.at(axis), right.at(axis)
        reach = max(12.0, min(26.0, abs(y1 - y0) * 0.9))
        path = Path(
            [(x, y0), (x + reach, y0), (x + reach, y1), (x, y1)],
            [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4],
        )
        self._stroke(path, axis)
        self._add(
            Ellipse(
                (x + reach * 0.75, (y0 + y1) / 2),
                7,
                7,
                fc=colour(axis),
                ec="white",
                lw=0.6,
                zorder=4,
            )
        )

    def box(
        self, x: float, y0: float, y1: float, text: str, width: float = 30, *,
        learned: bool = False, size: float = 11,
    ) -> None:  # fmt: skip
        """Draw a function whose wires enter at x and leave at x + width."""
        self._add(
            FancyBboxPatch(
                (x, y0), width, y1 - y0, boxstyle="round,pad=0,rounding_size=3", zorder=5,
                fc="#fdf3d7" if learned else "white", ec=INK, lw=0.9,
            )
        )  # fmt: skip
        self.text(x + width / 2, (y0 + y1) / 2, text, size)

    def apply(
        self, bundle: Bundle, inside: Sequence[str], text: str,
        axes: Sequence[str] | None = None, *, width: float = 30, learned: bool = False,
        size: float = 11, pad: float = 8,
    ) -> Bundle:  # fmt: skip
        """Apply a function to some neighbouring wires; the other wires pass."""
        out = tuple(axes or bundle.axes)
        end = Bundle(out, bundle.x + width, bundle.y)
        heights = [bundle.at(axis) for axis in inside]
        heights += [end.at(axis) for axis in out if axis not in bundle.axes]
        for axis in bundle.axes:
            if axis in out and axis not in inside:
                self.wire(axis, bundle.x, bundle.at(axis), end.x, end.at(axis))
        self.box(
            bundle.x,
            min(heights) - pad,
            max(heights) + pad,
            text,
            width,
            learned=learned,
            size=size,
        )
        return end

    def separate(self, x0: float, x1: float, y: float) -> None:
        """Draw the dashed line between two tensors that stand side by side as a tuple."""
        self.line(x0, y, x1, y, ls=(0, (3, 3)), lw=0.7, color=PALE)

    def line(self, x0: float, y0: float, x1: float, y1: float, **style: Any) -> None:
        """Draw a straight line that is no wire."""
        self._plot.plot([x0, x1], [y0, y1], zorder=0.5, **style)

    def area(self, x0: float, y0: float, x1: float, y1: float, fill: str, **style: Any) -> None:
        """Shade a rectangle behind everything."""
        self._add(
            FancyBboxPatch(
                (x0, y0), x1 - x0, y1 - y0, boxstyle="round,pad=0,rounding_size=6", zorder=0,
                fc=fill, **{"ec": "none", **style},
            )
        )  # fmt: skip
