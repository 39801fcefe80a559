"""Batches of which every element has a map of its own, or all of them the same."""

from torch import Tensor


def batch_size(*tensors: Tensor | None) -> int:
    """Return how many elements the batch has: 1 stands for any number, none included."""
    sizes = [len(t) for t in tensors if t is not None]
    return 0 if 0 in sizes else max(sizes)


def n_maps(q: Tensor, k: Tensor, key_mask: Tensor | None) -> int:
    """Return how many maps there are: one if all three serve the whole batch."""
    return max(len(q), len(k), 1 if key_mask is None else len(key_mask))


def collapse(t: Tensor) -> Tensor:
    """Return the one batch element that an expanded tensor repeats, else the tensor itself."""
    expanded = t.shape[0] > 1 and t.stride(0) == 0
    return t[:1] if expanded and not (t.is_leaf and t.requires_grad) else t
