"""The public functions: check the arguments, choose the implementation."""

from typing import Literal

import torch
from torch import Tensor

from flashsign import map_ops, methods, ops, reference, streaming_ops, validation
from flashsign.reference import Normaliser, SphericalAttentionMap

Method = Literal["auto", "gram", "streaming", "reference"]


def spherical_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    bias: Tensor | None = None,
    key_mask: Tensor | None = None,
    exclude_self: bool | Tensor = False,
    gate: Tensor | None = None,
    eps: float = 1e-6,
    normaliser: Normaliser = "l2",
    method: Method = "auto",
) -> Tensor:
    r"""Return spherical attention: weights of each query on the unit sphere, with their sign.

    .. math:: s_{ij} = (q_i \cdot k_j + b_{ij})\, m_{ij}, \quad
        w_{ij} = s_{ij} / \sqrt{\textstyle\sum_j s_{ij}^2 + \varepsilon}, \quad
        o_i = \textstyle\sum_j w_{ij} v_j

    Abbott et al. 2025, arXiv 2505.09326. There is no 1/√d: a common scale of q and k cancels,
    except under softmax, where the caller scales.

    Parameters
    ----------
    q
        Queries (B, H, N, d): batch, heads, query tokens, features.
    k
        Keys (B, H, M, d).
    v
        Values (B, H, M, d_v). Each of q, k, v and key_mask may have a batch of 1 instead of B.
    bias
        (H, N, M), added to the scores of every batch element; has a gradient.
    key_mask
        Bool (B, M), True keeps the key. Masked keys and values may hold anything, even NaN.
    exclude_self
        True (then N = M) leaves out the pair i = j; an integer tensor (N,) names the key that is
        query i itself, -1 for none.
    gate
        (N, M), or (H, N, M) for each head its own; ≥ 0, multiplies the scores. 0 removes the
        pair. Whether it has a gradient depends on the method.
    eps
        ε ≥ 0, in squared units of the scores, for l1 in units of the scores. A row without any
        score gives zeros, and a zero gradient for every pair removed from it; with ε = 0 all its
        gradients are zeros.
    normaliser
        ``"l2"``: as above. ``"l1"``: w = s / (Σ|s| + ε), with its sign. ``"softmax"``:
        w = exp s / Σ exp s over the pairs that are not removed, with s as it is: scale q by 1/√d
        if that is wanted. Without a sign and without ε; a row without pairs gives zeros.
    method
        ``"gram"``: exact, linear in N and M without a bias; with a bias N·M·(d + d_v) time in
        O(M) memory beside the bias. Takes everything but a gate, and l1 and softmax with a bias
        alone. ``"streaming"``: the Triton kernel, N·M·(d + d_v) time in O(N + M) memory, for a
        CUDA device, up to 256 features, no float64; takes everything but softmax and the gradient
        of a gate. ``"reference"``: plain torch, quadratic memory, takes everything. ``"auto"``:
        gram where it is linear or one map serves the batch; else on a GPU streaming; else the
        blocks of rows by which gram takes a bias. On a CPU it is reference, where a head has at
        most 192² pairs and a map per element, and all heads together have 2²² (any number if gram
        is linear). An explicit method never falls back to another.

    Returns
    -------
    Tensor
        (B, H, N, d_v) in the dtype of `v`. Half precision inputs are summed in float32 or wider.
        Under autocast the dtypes of q, k and v may differ; streaming then multiplies in the
        dtype of autocast, the others do not. float32 tiles of streaming are multiplied in tf32
        only where ``torch.backends.cuda.matmul`` allows it, by default not, and up to 128
        features.

    Raises
    ------
    ValueError
        An argument does not fit the others, or the method cannot serve it.
    TypeError
        An argument that is no tensor where one belongs.

    Notes
    -----
    If q, k and key_mask have batch size 1 (or are expanded from it, stride 0), the map is one for
    the whole batch and is computed once; with a bias, its product with the values of all B
    elements is one matrix product per head. Prefer a batch of 1: it has the smaller gradient.

    First derivatives only, except with ``method="reference"``.

    Examples
    --------
    >>> import torch
    >>> q, k, v = torch.randn(3, 2, 4, 100, 16)
    >>> spherical_attention(q, k, v, exclude_self=True).shape
    torch.Size([2, 4, 100, 16])
    """
    self_index = validation.check_inputs(q, k, v, bias, key_mask, exclude_self, gate, eps)
    chosen = (method, normaliser, q, k, v, bias, key_mask, gate)
    implementation = methods.choose_method(*chosen)
    batch = max(len(t) for t in (q, k, v, key_mask) if t is not None)
    if implementation == "streaming":
        dtype = v.dtype
        q, k, v = _autocast(q), _autocast(k), _autocast(v)
        given = (q, k, v, bias, key_mask, self_index, gate, eps, normaliser)
        return streaming_ops.streaming(*given).to(dtype)
    q, k = _collapse(q), _collapse(k)
    if key_mask is not None:
        key_mask = _collapse(key_mask)
        k = k.masked_fill(~key_mask[:, None, :, None], 0.0)
        v = v.masked_fill(~key_mask[:, None, :, None], 0.0)
    v = v.expand(batch, -1, -1, -1)
    given = (q, k, v, bias, key_mask, self_index, gate, eps, normaliser)
    return reference.attention(*given) if implementation == "reference" else ops.gram(*given)


def spherical_attention_map(
    q: Tensor,
    k: Tensor,
    *,
    bias: Tensor | None = None,
    key_mask: Tensor | None = None,
    exclude_self: bool | Tensor = False,
    gate: Tensor | None = None,
    eps: float = 1e-6,
    normaliser: Normaliser = "l2",
    method: Method = "auto",
) -> SphericalAttentionMap:
    """Return the means over the batch of w, abs(w), w² and of the row norm ‖s‖.

    w and s as in `spherical_attention`, whose parameters these are; the row norm is Σ|s| for l1
    and log Σ exp s for softmax. Nothing of size B · N · M is held in memory where that is much;
    q and k of batch size 1 make one map.

    Parameters
    ----------
    q, k, bias, key_mask, exclude_self, gate, eps, normaliser
        As in `spherical_attention`.
    method
        ``"gram"`` forms the maps block by block in plain torch and adds them up, for every
        normaliser (it refuses a gate, as in `spherical_attention`); ``"streaming"`` does so in
        the Triton kernel, but for softmax; ``"reference"`` holds all B maps at once. ``"auto"``
        is streaming on a GPU where it serves; on a CPU reference, where heads have at most 192²
        pairs and all maps 2²²; else block by block.

    Returns
    -------
    SphericalAttentionMap
        weight_mean, weight_abs_mean, weight_square_mean (H, N, M) and row_norm_mean (H, N), in
        float32, or float64 for float64 inputs. Removed pairs are 0. The row norm is without ε and
        0 for a row without pairs. Has a gradient, but for a gate (unless by reference); the
        backward pass forms the maps again, in plain torch.

    Raises
    ------
    ValueError, TypeError
        As in `spherical_attention`.

    Examples
    --------
    >>> import torch
    >>> q, k = torch.randn(2, 8, 4, 100, 16)
    >>> spherical_attention_map(q, k).weight_mean.shape
    torch.Size([4, 100, 100])
    """
    self_index = validation.check_inputs(q, k, None, bias, key_mask, exclude_self, gate, eps)
    q, k = _collapse(q), _collapse(k)
    if key_mask is not None:
        key_mask = _collapse(key_mask)
    implementation = methods.choose_map_method(method, normaliser, q, k, key_mask, gate)
    streamed = implementation == "streaming"
    if streamed:
        q, k = _autocast(q), _autocast(k)
    elif key_mask is not None:
        k = k.masked_fill(~key_mask[:, None, :, None], 0.0)
    given = (q, k, bias, key_mask, self_index, gate, eps, normaliser)
    if implementation == "reference":
        return reference.attention_map(*given)
    return SphericalAttentionMap(*map_ops.map_forward(*given, streamed))


def _autocast(t: Tensor) -> Tensor:
    """Return `t` as matrix products take it: in the dtype of autocast where that is on."""
    device = t.device.type
    return t.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else t


def _collapse(t: Tensor) -> Tensor:
    """Return the one batch element that an expanded tensor repeats, else the tensor itself."""
    expanded = t.shape[0] > 1 and t.stride(0) == 0
    return t[:1] if expanded and not (t.is_leaf and t.requires_grad) else t
