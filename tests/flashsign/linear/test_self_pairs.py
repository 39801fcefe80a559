"""The pairs that self-exclusion removes, against loops over them."""

import pytest
import torch
from flashsign.linear.self_pairs import SelfPairs
from torch import Tensor

INDICES = [
    pytest.param(None, id="none"),
    pytest.param(torch.arange(7), id="identity"),
    pytest.param(torch.tensor([3, -1, 0, 3, 6]), id="index"),
    pytest.param(torch.full((5,), -1), id="nobody"),
]


@pytest.mark.parametrize("self_index", INDICES)
def test_scores_and_products_are_those_of_the_pairs(self_index: Tensor | None) -> None:
    g = torch.Generator().manual_seed(1)
    n_queries = 5 if self_index is None else len(self_index)
    q = torch.randn(2, n_queries, 3, generator=g)
    k = torch.randn(2, 7, 3, generator=g)
    index = [] if self_index is None else self_index.tolist()
    pairs = [(i, j) for i, j in enumerate(index) if j >= 0]
    from_queries, from_keys = q.clone(), k.clone()
    for i, j in pairs:
        s = (q[:, i] * k[:, j]).sum(-1, keepdim=True)
        from_queries[:, i] -= s * k[:, j]
        from_keys[:, j] -= s * q[:, i]
    own = SelfPairs.of(self_index, 7)
    s = own.score(q, k)
    assert s.shape == (2, len(pairs))
    got = own.subtract_from_queries(q.clone(), s[..., None], own.of_keys(k))
    torch.testing.assert_close(got, from_queries)
    got = own.subtract_from_keys(k.clone(), s[..., None], own.of_queries(q))
    torch.testing.assert_close(got, from_keys)
