"""Chunks cover all heads and columns, in the right dtype."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from flashsign.linear import chunks as module
from flashsign.linear.chunks import FEW_TOKENS, Chunk, chunk_of
from torch import Tensor


def chunks(q: Tensor, k: Tensor, v: Tensor) -> list[tuple[module.Part, Chunk]]:
    return [(part, chunk_of(part, q, k, v, None)) for part in module.parts(q, k)]


def test_chunks_and_columns_cover_everything_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def covered(slices: Iterator[Any], shape: tuple[int, ...]) -> Tensor:
        count = torch.zeros(shape)
        for part in slices:
            count[part] += 1
        return count

    q, k, v = torch.zeros(3, 5, 7, 2), torch.zeros(3, 5, 11, 2), torch.zeros(3, 5, 11, 13)
    for elements in (1, 50, 60, 300, 10**6):
        monkeypatch.setattr(module, "CHUNK_ELEMENTS", elements)
        parts, taken = zip(*chunks(q, k, v), strict=True)
        assert (covered(iter(parts), (3, 5)) == 1).all()
        assert all((covered(chunk.columns(), (13,)) == 1).all() for chunk in taken)


@pytest.mark.parametrize(
    ("n_queries", "n_keys", "dtype", "expected"),
    [
        (FEW_TOKENS + 1, FEW_TOKENS + 1, torch.float32, torch.float32),
        (FEW_TOKENS, FEW_TOKENS + 1, torch.float32, torch.float64),
        (FEW_TOKENS + 1, FEW_TOKENS, torch.float32, torch.float64),
        (FEW_TOKENS + 1, FEW_TOKENS + 1, torch.bfloat16, torch.float32),
        (FEW_TOKENS + 1, FEW_TOKENS + 1, torch.float64, torch.float64),
    ],
)
def test_short_sequences_and_float64_inputs_are_in_float64(
    n_queries: int, n_keys: int, dtype: torch.dtype, expected: torch.dtype
) -> None:
    q, k = (torch.zeros(1, 2, n, 3, dtype=dtype) for n in (n_queries, n_keys))
    for _, chunk in chunks(q, k, k):
        assert chunk.query.dtype == chunk.key.dtype == expected
        assert chunk.value.dtype == dtype


@pytest.mark.parametrize("elements", [1, 300, 10**6])
def test_heads_in_double_are_those_chosen(elements: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DOUBLE_ELEMENTS", elements)
    q = torch.arange(5.0)[None, :, None, None].expand(1, 5, FEW_TOKENS + 3, 2)
    ((_, chunk),) = chunks(q, q, q)
    pieces = list(chunk.in_double(torch.tensor([False, True, True, False, True])))
    assert torch.cat([heads for heads, _ in pieces]).tolist() == [1, 2, 4]
    assert len(pieces) == {1: 3, 300: 2, 10**6: 1}[elements]
    for heads, double in pieces:
        assert double.query.dtype == double.key.dtype == torch.float64
        for t in double[:3]:
            assert t[:, 0, 0].tolist() == heads.tolist()
    assert list(chunk.in_double(torch.zeros(5, dtype=torch.bool))) == []
