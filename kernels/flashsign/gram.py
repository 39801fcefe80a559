"""Method `gram` computes the linear form if there is one, and else blocks of rows."""

from torch import Tensor

from flashsign.batches import n_maps
from flashsign.linear.kernels.ops import half_gram_forward, serves
from flashsign.linear.ops import gram_forward
from flashsign.rows.ops import rows_forward


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
    exponent: Tensor | None = None,
) -> Tensor:
    """Return o (B, H, N, d_v); arguments as in `reference.attention`, masked k and v set to 0.

    l2 without bias and gate has a linear form; all else is computed in blocks of rows. If q, k and
    key_mask have batch size 1, the whole batch shares one map: values of all elements become
    columns, so the map is computed once and applied by one matrix product. Otherwise, and for the
    half precision kernels, a batch of 1 is expanded.
    """

    def attend(
        q: Tensor, k: Tensor, v: Tensor, key_mask: Tensor | None, exponent: Tensor | None
    ) -> Tensor:
        out: Tensor
        if linear:  # a masked key is 0 already and adds nothing to any sum
            out, *_ = gram_forward(q, k, v, self_index, eps, exponent)
        else:
            given = (q, k, v, bias, key_mask, self_index, gate, eps, normaliser, exponent)
            out, _ = rows_forward(*given)
        return out

    out: Tensor
    linear = normaliser == "l2" and bias is None and gate is None
    batch, n_heads, n_keys, n_columns = v.shape
    own_maps = n_maps(q, k, key_mask)
    kernels = linear and serves(q, k, v)
    if own_maps == 1 and not kernels:
        folded = v.permute(1, 2, 0, 3).reshape(1, n_heads, n_keys, batch * n_columns)
        out = attend(q, k, folded, key_mask, exponent)
        return out.view(n_heads, -1, batch, n_columns).permute(2, 0, 1, 3)
    batch = max(own_maps, batch)
    q, k, v = (t.expand(batch, -1, -1, -1) for t in (q, k, v))
    exponent = None if exponent is None else exponent.expand(batch, -1, -1)
    if kernels:
        out, *_ = half_gram_forward(q, k, v, self_index, eps, exponent)
        return out
    return attend(q, k, v, None if key_mask is None else key_mask.expand(batch, -1), exponent)
