"""The shelf: the same values, side by side, in pieces no larger than what is kept."""

import pytest
import torch

from grn.model import shelf
from grn.model.shelf import Shelf


def test_kept_tensors_are_the_same_and_share_memory() -> None:
    tensors = [torch.randn(2, 3, 5), torch.randn(7), torch.randn(4, 4).T]
    with torch.no_grad():
        on_shelf = Shelf(300)
        kept = [on_shelf.keep(t) for t in tensors]
    for t, same in zip(tensors, kept, strict=True):
        assert torch.equal(t, same)
        assert same.is_contiguous()
        assert same.data_ptr() != t.data_ptr()
    assert len({t.untyped_storage().data_ptr() for t in kept}) == 1
    assert all(t.data_ptr() % 64 == kept[0].data_ptr() % 64 for t in kept)


def test_a_full_piece_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "_LARGEST_PIECE", 40)
    with torch.no_grad():
        on_shelf = Shelf(1000)
        kept = [on_shelf.keep(torch.full((9,), float(number))) for number in range(7)]
        large = torch.ones(41)
        assert on_shelf.keep(large) is large
    assert [t.unique().tolist() for t in kept] == [[float(number)] for number in range(7)]
    pieces = {t.untyped_storage().data_ptr() for t in kept}
    assert len(pieces) == 4  # of places for 16, two fit
    assert {t.untyped_storage().nbytes() for t in kept} == {160}


def test_gradients_pass_where_they_are_needed() -> None:
    t = torch.ones(3, requires_grad=True) * 2
    assert Shelf(10).keep(t) is t
