"""Handles batches whose elements share one map, or have one each."""

from torch import Tensor


def batch_size(*tensors: Tensor | None) -> int:
    """Return the size of the batch; a size of 1 broadcasts to any size, also to 0."""
    sizes = [len(t) for t in tensors if t is not None]
    return 0 if 0 in sizes else max(sizes)


def n_maps(q: Tensor, k: Tensor, key_mask: Tensor | None) -> int:
    """Return the number of maps; it is 1 if all three tensors have a batch of 1."""
    return max(len(q), len(k), 1 if key_mask is None else len(key_mask))


def collapse(t: Tensor) -> Tensor:
    """Return the one batch element that an expanded tensor repeats, else the tensor itself."""
    expanded = t.shape[0] > 1 and t.stride(0) == 0
    return t[:1] if expanded and not (t.is_leaf and t.requires_grad) else t
