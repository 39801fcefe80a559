"""The public functions, which check the arguments and choose the implementation."""

from typing import Literal

from torch import Tensor

from flashsign import checks, dispatch, gram, reference
from flashsign.batches import batch_size, collapse
from flashsign.derivatives import plain_torch_only
from flashsign.map import ops as map_ops
from flashsign.reference import Normaliser, SphericalAttentionMap
from flashsign.streaming import ops as streaming_ops
from flashsign.units import in_units

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
        (H, N, M), added to the scores of every batch element; has a gradient. Finite, but for
        softmax, where -inf removes a pair.
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
        gradients are zeros. Scores may be of any size: rows that would leave the range of their
        dtype are worked out in units of a power of two, which changes no digit of the result.
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
        An argument that is no tensor where one belongs, such as an array of numpy.

    Notes
    -----
    If q, k and key_mask have batch size 1 (or are expanded from it, stride 0), the map is one for
    the whole batch and is computed once; with a bias, its product with the values of all B
    elements is one matrix product per head. Prefer a batch of 1: it has the smaller gradient.

    Every method forms first derivatives by itself. Second and higher ones, those of forward mode
    (``torch.func.jvp``, ``torch.autograd.forward_ad``) and all under a transform of ``torch.func``
    are right as well, but worked out as ``"reference"`` does, in quadratic memory.

    A batch of 0 gives an empty result. Tensors on the meta device give one there; values are not
    checked then, nor in a compiled graph.

    Examples
    --------
    The first key points the way of the query, the second against it: s = (3, -4), w = s / 5.

    >>> import torch
    >>> q = torch.tensor([[[[1.0, 0.0]]]])
    >>> k = torch.tensor([[[[3.0, 1.0], [-4.0, 2.0]]]])
    >>> v = torch.tensor([[[[1.0], [10.0]]]])
    >>> spherical_attention(q, k, v)
    tensor([[[[-7.4000]]]])

    No token attends to itself:

    >>> tokens = torch.randn(2, 4, 100, 16)
    >>> spherical_attention(tokens, tokens, tokens, exclude_self=True).shape
    torch.Size([2, 4, 100, 16])
    """
    tensors = (q, k, v, bias, key_mask, exclude_self, gate)
    self_index = checks.check_inputs(*tensors, eps, normaliser)
    batch = batch_size(q, k, v, key_mask)
    chosen = (method, normaliser, q, k, v, bias, key_mask, gate)
    implementation = dispatch.choose_method(*chosen)
    if plain_torch_only() or batch == 0:
        implementation = "reference"
    if implementation == "streaming":
        dtype = v.dtype
        q, k, v = _autocast(q), _autocast(k), _autocast(v)
        q, k, bias, exponent = in_units(q, k, bias, key_mask, eps, normaliser)
        given = (q, k, v, bias, key_mask, self_index, gate, eps, normaliser, exponent)
        return streaming_ops.streaming(*given).to(dtype)
    q, k = collapse(q), collapse(k)
    if key_mask is not None:
        key_mask = collapse(key_mask)
        k = k.masked_fill(~key_mask[:, None, :, None], 0.0)
        v = v.masked_fill(~key_mask[:, None, :, None], 0.0)
    v = v.expand(batch, -1, -1, -1)
    q, k, bias, exponent = in_units(q, k, bias, key_mask, eps, normaliser)
    given = (q, k, v, bias, key_mask, self_index, gate, eps, normaliser, exponent)
    return reference.attention(*given) if implementation == "reference" else gram.attention(*given)


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
    >>> q = torch.tensor([[[[1.0, 0.0]]]])
    >>> k = torch.tensor([[[[3.0, 1.0], [-4.0, 2.0]]]])
    >>> attended = spherical_attention_map(q, k)
    >>> attended.weight_mean, attended.row_norm_mean
    (tensor([[[ 0.6000, -0.8000]]]), tensor([[5.]]))
    """
    tensors = (q, k, None, bias, key_mask, exclude_self, gate)
    self_index = checks.check_inputs(*tensors, eps, normaliser)
    q, k = collapse(q), collapse(k)
    if key_mask is not None:
        key_mask = collapse(key_mask)
    implementation = dispatch.choose_map_method(method, normaliser, q, k, key_mask, gate)
    if plain_torch_only():
        implementation = "reference"
    streamed = implementation == "streaming"
    if streamed:
        q, k = _autocast(q), _autocast(k)
    elif key_mask is not None:
        k = k.masked_fill(~key_mask[:, None, :, None], 0.0)
    q, k, bias, exponent = in_units(q, k, bias, key_mask, eps, normaliser)
    given = (q, k, bias, key_mask, self_index, gate, eps, normaliser)
    if implementation == "reference":
        return reference.attention_map(*given, exponent)
    return SphericalAttentionMap(*map_ops.map_forward(*given, streamed, exponent))


def _autocast(t: Tensor) -> Tensor:
    """Return `t` as matrix products take it: in the dtype of autocast where that is on."""
    return t.to(reference.autocast_dtype(t) or t.dtype)
