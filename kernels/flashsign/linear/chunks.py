"""Splits the heads into chunks that fit the cache, in the dtype of the computation."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from flashsign.reference import compute_dtype

FEW_TOKENS = 64
"""Number of queries or keys up to which float64 is used, as few roundings do not average out. So
few take no time worth saving; the errors of README §8 were measured with it."""
CHUNK_ELEMENTS = 1 << 21
"""Number of elements of one operand of a chunk: 8 MiB in float32."""
DOUBLE_ELEMENTS = 1 << 18
"""The same for heads that are recomputed in float64: 2 MiB."""

Part = tuple[slice, slice]
"""Some batch elements and some of their heads."""


class Chunk(NamedTuple):
    """The inputs of n heads; results and sums of a chunk have one axis n in place of B, H."""

    query: Tensor
    """(n, N, d), in float32 or float64."""
    key: Tensor
    """(n, M, d), likewise."""
    value: Tensor
    """(n, M, e), in the dtype of the input."""
    self_index: Tensor | None
    """(N,), the key each query leaves out; -1 for none."""

    def few(self, t: Tensor) -> tuple[Tensor, ...]:
        """Return parts of t (n, …) of so few heads that copies in float64 stay in cache."""
        n_elements = max(self.query[0].numel(), self.key[0].numel())
        return torch.split(t, max(1, DOUBLE_ELEMENTS // n_elements))

    def in_double(self, chosen: Tensor) -> Iterator[tuple[Tensor, "Chunk"]]:
        """Yield the places of the `chosen` heads, bool (n,), and their inputs in float64."""
        for heads in self.few(chosen.nonzero()[:, 0]):
            if len(heads):
                query, key = self.query[heads].double(), self.key[heads].double()
                yield heads, Chunk(query, key, self.value[heads], self.self_index)

    def columns(self) -> Iterator[slice]:
        """Yield slices of the value columns, so that values of a shared map are taken in parts."""
        n_tokens = max(self.query.shape[1], self.key.shape[1])
        width = max(self.query.shape[2], CHUNK_ELEMENTS // (len(self.query) * n_tokens))
        for start in range(0, self.value.shape[2], width):
            yield slice(start, start + width)


def parts(q: Tensor, k: Tensor, n_threads: int = 1) -> list[Part]:
    """Return (batch, head) slices with at most about CHUNK_ELEMENTS queries and keys each.

    There is at least one for each thread, if there are so many heads.
    """
    batch, n_heads, n_queries, head_dim = q.shape
    n_pairs = max(1, CHUNK_ELEMENTS // (head_dim * max(n_queries, k.shape[2])))
    n_pairs = min(n_pairs, max(1, batch * n_heads // n_threads))
    heads, elements = min(n_heads, n_pairs), max(1, n_pairs // n_heads)
    return [
        (slice(b, b + elements), slice(h, h + heads))
        for b in range(0, batch, elements)
        for h in range(0, n_heads, heads)
    ]


def chunk_of(part: Part, q: Tensor, k: Tensor, v: Tensor, self_index: Tensor | None) -> Chunk:
    """Return the inputs of some heads in the dtype of the computation."""
    dtype = compute_dtype(torch.promote_types(q.dtype, v.dtype))
    if min(q.shape[2], k.shape[2]) <= FEW_TOKENS:
        dtype = torch.float64
    query, key = (t[part].flatten(0, 1).to(dtype) for t in (q, k))
    return Chunk(query, key, v[part].flatten(0, 1), self_index)


def merged(t: Tensor) -> Tensor:
    """Return a (b, h, …) part of a result as (b · h, …), a view."""
    return t.view(-1, *t.shape[2:])


def put(results: Sequence[Tensor], heads: Tensor, again: Sequence[Tensor]) -> None:
    """Replace some heads of the results."""
    for result, t in zip(results, again, strict=True):
        result[heads] = t
