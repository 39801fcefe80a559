"""Computes the terms that self-exclusion subtracts from sums over all keys."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.linalg import vecdot


class SelfPairs(NamedTuple):
    """The pairs (query, key) that self-exclusion removes; tensors are (n, tokens, …)."""

    queries: slice | Tensor
    keys: slice | Tensor

    @classmethod
    def of(cls, self_index: Tensor | None, n_keys: int) -> "SelfPairs":
        """Return the pairs of `self_index` (N,), the key each query leaves out; -1 for none."""
        if self_index is None:
            return cls(slice(0), slice(0))
        if torch.equal(self_index, torch.arange(n_keys, device=self_index.device)):
            return cls(slice(None), slice(None))  # no gather needed
        queries = (self_index >= 0).nonzero()[:, 0]
        return cls(queries, self_index[queries])

    def of_queries(self, t: Tensor) -> Tensor:
        """Return the query of each pair, (n, pairs, …)."""
        return _take(t, self.queries)

    def of_keys(self, t: Tensor) -> Tensor:
        """Return the key of each pair, (n, pairs, …)."""
        return _take(t, self.keys)

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the score of each pair, (n, pairs)."""
        s: Tensor = vecdot(self.of_queries(q), self.of_keys(k))
        return s

    def subtract_from_queries(self, total: Tensor, factor: Tensor, t: Tensor) -> Tensor:
        """Subtract factor · t (n, pairs, …) from the queries of the pairs in `total`, in place."""
        return _subtract_product(total, factor, t, self.queries)

    def subtract_from_keys(self, total: Tensor, factor: Tensor, t: Tensor) -> Tensor:
        """Subtract factor · t from the keys of the pairs; twice if two queries share a key."""
        return _subtract_product(total, factor, t, self.keys)


def _take(t: Tensor, index: slice | Tensor) -> Tensor:
    return t[:, index] if isinstance(index, slice) else t.index_select(1, index)


def _subtract_product(total: Tensor, factor: Tensor, t: Tensor, index: slice | Tensor) -> Tensor:
    if isinstance(index, slice):
        total[:, index].addcmul_(factor, t, value=-1)
        return total
    return total.index_add_(1, index, factor * t, alpha=-1)
