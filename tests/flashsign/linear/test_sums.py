"""Sums over the tokens of a head."""

import pytest
import torch
from flashsign.linear import sums


@pytest.mark.parametrize("n_tokens", [3, 7, 14, 31])
def test_sums_over_blocks_cover_every_token(
    n_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "BLOCK_TOKENS", 7)
    g = torch.Generator().manual_seed(n_tokens)
    a, b = torch.randn(2, n_tokens, 5, generator=g), torch.randn(2, n_tokens, 3, generator=g)
    got = sums.outer_sum(a, b)
    assert got.dtype == torch.float64
    torch.testing.assert_close(got, a.double().mT @ b.double(), atol=1e-5, rtol=1e-5)
