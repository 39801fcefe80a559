"""The ways to attend that are timed beside each other, and their check against float64."""

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
import torch.nn.functional as F
from flashsign import spherical_attention
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.flex_attention import flex_attention

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
Shape = tuple[int, int, int, int]
"""Batch, heads, tokens (as many keys as queries), features of a head."""

TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1e-2}
"""Largest relative error (Frobenius norm) of a right result; rounding alone makes half of it."""

ROWS = 1024
"""Queries that are computed in float64 at a time."""

OURS, NAIVE = "FlashSign", "naive"


class Method(NamedTuple):
    """One way to attend."""

    name: str
    attend: Attend
    exact: Attend
    """The function it computes."""
    backend: SDPBackend | None = None


def naive(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return spherical attention by its definition: weights (B, H, N, M) in memory."""
    s = q @ k.transpose(-2, -1)
    norm: Tensor = torch.linalg.vector_norm(s, dim=-1, keepdim=True, dtype=torch.float32)
    return (s * (norm.square() + 1e-6).rsqrt().to(s.dtype)) @ v


def softmax(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return SoftMax attention by its definition."""
    return torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), dim=-1) @ v


def spherical(method: str) -> Attend:
    """Return spherical attention by one method of flashsign."""
    return lambda q, k, v: spherical_attention(q, k, v, method=method)  # type: ignore[arg-type]


def methods() -> list[Method]:
    """Return all methods, ours first; anything compiled is compiled anew, for one shape."""
    torch.compiler.reset()
    reference, sdpa = spherical("reference"), F.scaled_dot_product_attention
    flex: Attend = torch.compile(flex_attention, dynamic=False)
    return [
        Method(OURS, spherical("streaming"), reference),
        Method(NAIVE, naive, reference),
        Method("naive, compiled", torch.compile(naive, dynamic=False), reference),
        Method("SDPA flash", sdpa, softmax, SDPBackend.FLASH_ATTENTION),
        Method("SDPA efficient", sdpa, softmax, SDPBackend.EFFICIENT_ATTENTION),
        Method("SDPA cuDNN", sdpa, softmax, SDPBackend.CUDNN_ATTENTION),
        Method("FlexAttention", flex, softmax),
    ]


def random_inputs(shape: Shape, device: str, dtype: torch.dtype) -> list[Tensor]:
    """Return q, k, v and the gradient of the output: standard normal noise."""
    return [torch.randn(shape, device=device, dtype=dtype) for _ in range(4)]


def step(method: Method, inputs: Sequence[Tensor], direction: str) -> Tensor:
    """Run q, k, v and the output gradient through one direction, and return the output."""
    *qkv, do = inputs
    backward = direction != "forward"
    for t in qkv:
        t.requires_grad_(backward)
        t.grad = None
    with sdpa_kernel(method.backend) if method.backend else nullcontext():
        out = method.attend(*qkv)
        if backward:
            torch.autograd.backward(out, do)
    return out


def expected(exact: Attend, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Return output, dq, dk and dv of the last head in float64, a block of queries at a time."""
    q, k, v, do = (t[-1:, -1:].detach().double() for t in inputs)
    for t in (q, k, v):
        t.requires_grad_()
    blocks = []
    for b_q, b_do in zip(torch.split(q, ROWS, 2), torch.split(do, ROWS, 2), strict=True):
        out = exact(b_q, k, v)
        torch.autograd.backward(out, b_do)
        blocks.append(out.detach())
    return [torch.cat(blocks, dim=2), *(t.grad for t in (q, k, v) if t.grad is not None)]


def error(
    method: Method, inputs: Sequence[Tensor], direction: str, wanted: Sequence[Tensor]
) -> float:
    """Return the largest relative error of output and gradients; infinite for any NaN."""
    poison = [torch.full_like(t, math.nan) for t in inputs]
    del poison  # the method is given this memory for its results
    got = [step(method, inputs, direction).detach()]
    got += [t.grad for t in inputs[:3] if t.grad is not None]
    if not all(bool(t.isfinite().all()) for t in got):
        return math.inf
    return max(
        float((mine[-1:, -1:].double() - true).norm() / true.norm())
        for mine, true in zip(got, wanted[: len(got)], strict=True)
    )
