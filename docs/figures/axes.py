"""The axes of every tensor in one block of the transformer, read off a run of it.

The sizes are distinct, so that a size names its axis. A layer of another shape gives other axes,
and a size that nothing here explains is an error.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from flashsign.linear import form as gram
from torch import Tensor
from torch.overrides import TorchFunctionMode

from grn.model import block as layer
from grn.model import pairs
from grn.model.attention import Attended, attend

Axes = tuple[str, ...]

SIZES = {"b": 17, "h": 3, "i": 13, "j": 7, "d": 5, "a": 29, "w": 11, "c": 31, "p": 23}
"""Size of every axis in the run: all prime, all different."""


def _composed(
    b: int, h: int, i: int, j: int, d: int, a: int, w: int, c: int, p: int
) -> dict[str, int]:
    return {
        "2": 2, "e": d + a, "hd": h * d, "2hd+4h": 2 * h * d + 4 * h,
        "5h+c": 5 * h + c, "ij": i * j,
    }  # fmt: skip


_NAMES = {size: name for name, size in {**SIZES, **_composed(**SIZES)}.items()}
assert len(_NAMES) == len(SIZES) + len(_composed(**SIZES)), "two axes have the same size"


class Product(NamedTuple):
    """A contraction: axes of both factors that are absent from the result are summed over."""

    left: Axes
    right: Axes
    result: Axes


class Trace(NamedTuple):
    """What the run showed."""

    layers: dict[str, tuple[Axes, Axes]]
    """Axes of what goes into each layer with weights and of what comes out, by its name."""
    state: dict[str, Axes]
    """`tokens`, `residual`, `scores`, `channels`, `profiles`."""
    attended: dict[str, Axes]
    """Arguments and results of `attend`."""
    products: list[Product]
    """Products of two tensors outside flashsign, in their order."""
    features: list[Axes]
    """What the network over pairs sees side by side."""
    sums: dict[str, Axes]
    """What the linear-time form of flashsign keeps of the keys."""


def axes_of(x: Tensor) -> Axes:
    """Name the axes of a tensor; the first of two axes of regulators is k, a third gene."""
    unknown = [size for size in x.shape if size not in _NAMES]
    assert not unknown, f"got axes of sizes {unknown} in {tuple(x.shape)}, expected {_NAMES}"
    names = [_NAMES[size] for size in x.shape]
    if names.count("j") == 2:
        names[names.index("j")] = "k"
    return tuple(names)


def trace_block() -> Trace:
    """Run a block once, on random numbers, and read the axes of what it computes."""
    torch.manual_seed(0)
    s = SIZES
    block = layer.SphericalBlock(
        layer.Sizes(s["w"], s["h"], s["d"], s["c"], s["p"]), "l2"
    ).double()
    genes, regulators = (s["b"], s["i"]), (s["b"], s["j"])
    pairs = (s["i"], s["j"])
    state = layer.State(
        torch.randn(*genes, s["w"]).double(),
        torch.randn(s["b"], s["h"], s["i"], s["a"]).double(),
        [torch.randn(s["b"], s["h"], *pairs).double()],
    )
    channels = torch.randn(s["b"], s["c"], *pairs).double()
    profiles = torch.nn.functional.normalize(torch.randn(*genes, s["a"]).double(), dim=-1)
    layout = layer.Layout(
        torch.ones(genes).bool(), torch.ones(regulators).bool(), [torch.arange(s["i"])]
    )
    recorder = _Recorder()
    with torch.no_grad(), recorder.watching(block):
        block(state, [channels], profiles, layout)
    return Trace(
        recorder.layers,
        {
            "tokens": axes_of(state.tokens), "residual": axes_of(state.residual),
            "scores": axes_of(state.scores[0]), "channels": axes_of(channels),
            "profiles": axes_of(profiles),
        },
        recorder.attended, recorder.products, recorder.features, _trace_gram(),
    )  # fmt: skip


def _trace_gram() -> dict[str, Axes]:
    s = SIZES
    q, k, v = (
        torch.randn(s["b"], s["h"], *shape)
        for shape in ((s["i"], s["d"]), (s["j"], s["d"]), (s["j"], s["d"] + s["a"]))
    )
    _, sums = gram.forward(q, k, v, None, 0.0)
    return {name: axes_of(x) for name, x in sums._asdict().items()}


class _Recorder(TorchFunctionMode):
    """Notes products, layers and attention while a block runs."""

    def __init__(self) -> None:
        super().__init__()
        self.layers: dict[str, tuple[Axes, Axes]] = {}
        self.attended: dict[str, Axes] = {}
        self.products: list[Product] = []
        self.features: list[Axes] = []
        self._factors: list[Tensor] = []
        self._inside_attention = False

    @contextmanager
    def watching(self, block: layer.SphericalBlock) -> Iterator[None]:
        handles = [
            part.register_forward_hook(self._layer_hook(name))
            for name, part in block.named_modules()
            if name and not name.startswith("mlp.")
        ]
        self._weights = {
            id(part.weight): name
            for name, part in block.named_modules()
            if isinstance(part, torch.nn.Linear)
        }
        with (
            patch.object(layer, "attend", self._attend),
            patch.object(pairs, "weigh", self._weigh),
            self,
        ):
            yield
        for handle in handles:
            handle.remove()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        is_product = getattr(func, "__name__", "") in ("matmul", "__matmul__")
        if is_product and not self._inside_attention:
            self._note_product(args[0], args[1], found)
        return found

    def _note_product(self, left: Tensor, right: Tensor, result: Tensor) -> None:
        of_left, of_right, of_result = (list(axes_of(x)) for x in (left, right, result))
        of_left[-1] = of_right[-2]  # of two axes of regulators, the one that is summed over
        equation = f"{''.join(of_left)},{''.join(of_right)}->{''.join(of_result)}"
        torch.testing.assert_close(torch.einsum(equation, left, right), result)
        if self._factors and torch.equal(right, self._factors[-1].mT):
            of_right[-2:] = of_right[:-3:-1]
        self._factors.append(right)
        self.products.append(Product(tuple(of_left), tuple(of_right), tuple(of_result)))

    def _layer_hook(self, name: str) -> Any:
        def note(_: Any, args: tuple[Any, ...], found: Tensor) -> None:
            if isinstance(args[0], Tensor):
                self.layers[name] = (axes_of(args[0]), axes_of(found))
            else:
                self.features = [axes_of(x) for x in args[0]]

        return note

    def _weigh(self, weight: Tensor, x: Tensor) -> Tensor:
        found = torch.einsum("oi,bixy->boxy", weight, x)
        self.layers[self._weights[id(weight)]] = (axes_of(x), axes_of(found))
        return found

    def _check_attention(
        self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, found: Attended
    ) -> None:
        s = torch.einsum("bhid,bhjd->bhij", q, k) + bias
        s = s.masked_fill(torch.eye(*s.shape[2:], dtype=torch.bool), 0.0)
        w = s / s.norm(dim=-1, keepdim=True)
        torch.testing.assert_close(w, found.weights, atol=1e-5, rtol=1e-5)
        received = torch.einsum("bhij,bhje->bhie", w, v)
        torch.testing.assert_close(received, found.received, atol=1e-5, rtol=1e-5)

    def _attend(self, *args: Any, **options: Any) -> Attended:
        self._inside_attention = True
        found = attend(*args, **options)
        self._inside_attention = False
        given = signature(attend).bind(*args, **options).arguments
        names = ("queries", "keys", "values", "bias")
        tensors = {**{name: given[name] for name in names}, **found._asdict()}
        self.attended = {name: axes_of(x) for name, x in tensors.items()}
        q, k, v, bias = (tensors[name] for name in names)
        self._check_attention(q, k, v, bias, found)
        return found
