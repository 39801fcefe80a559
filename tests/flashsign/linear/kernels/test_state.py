"""The sums over tokens against float64: precision of the two parts, shares, widths, compiling."""

from pathlib import Path

import pytest
import torch

pytest.importorskip("triton")

from flashsign.linear.kernels import state
from torch import Tensor

from tests.compiling import SHARED_BYTES, chips_and_widths, compiled

KERNELS = {"state_kernel", "reduce_kernel", "output_kernel", "query_kernel", "key_kernel"}


def noise(*shape: int, device: str, seed: int = 0, dtype: torch.dtype = torch.float16) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=g).to(device, dtype)


def joined(parts: Tensor, units: Tensor) -> Tensor:
    """Return the matrices (B, H, D, D + E) that two parts stand for, in float64."""
    return parts.double().sum(2) * units.double()[:, :, None, :]


def assert_close_in_columns(got: Tensor, want: Tensor, bits: int) -> None:
    """Compare to so many bits of the largest element of each column."""
    error = (got - want).abs().amax(2) / want.abs().amax(2).clamp(min=1e-300)
    assert error.max() <= 2.0**-bits


@pytest.mark.parametrize(("head_dim", "value_dim"), [(11, 7), (64, 17), (131, 3), (5, 255)])
def test_sums_over_keys_keep_20_bits(
    head_dim: int, value_dim: int, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over three shares; columns of very different sizes; any strides."""
    monkeypatch.setattr(state, "LEAST_SHARE", 64)
    monkeypatch.setattr(state, "LARGEST_SHARE", 64)
    k = noise(2, 131, 3, head_dim, device=device).transpose(1, 2)
    v = noise(1, 3, value_dim, 131, device=device, seed=1).mT.expand(2, -1, -1, -1).clone()
    v[..., 0] *= 1e-3
    v[..., 1] *= 1e3
    found = state.key_state(k, v)
    got = joined(found.parts, found.units)
    block_d = got.shape[2]
    want = torch.zeros_like(got)
    want[:, :, :head_dim, :head_dim] = k.double().mT @ k.double()
    want[:, :, :head_dim, block_d : block_d + value_dim] = k.double().mT @ v.double()
    assert_close_in_columns(got, want, 20)
    assert (got[want == 0] == 0).all()
    assert found.sizes is not None
    sizes = (
        want.square() / want[..., :block_d].diagonal(dim1=-2, dim2=-1).clamp(min=1e-9)[..., None]
    )
    torch.testing.assert_close(found.sizes.double(), sizes.amax(2), rtol=1e-5, atol=0.0)
    diagonal = want[..., :block_d].diagonal(dim1=-2, dim2=-1)
    torch.testing.assert_close(found.sizes[..., :block_d].double(), diagonal, rtol=1e-5, atol=0.0)


@pytest.mark.parametrize(("head_dim", "value_dim"), [(11, 7), (67, 131), (3, 254)])
def test_factors_need_not_be_exact_in_half_precision(
    head_dim: int, value_dim: int, device: str
) -> None:
    """Factors of 24 bits over eight orders of magnitude, of either sign."""
    q = noise(2, 3, 83, head_dim, device=device)
    do = noise(2, 3, 83, value_dim, device=device, seed=1)
    c, r = (noise(2, 3, 83, device=device, seed=s, dtype=torch.float32) for s in (2, 3))
    c, r = c * 1e-6, r * 10.0 ** torch.linspace(-4, 4, 83, device=device)
    found = state.query_state(q, do, c, r)
    got = joined(found.parts, found.units)
    block_d = got.shape[2]
    want = torch.zeros_like(got)
    left = q.double().mT
    want[:, :, :head_dim, :head_dim] = left @ (c.double()[..., None] * q.double())
    want_do = left @ (r.double()[..., None] * do.double())
    want[:, :, :head_dim, block_d : block_d + value_dim] = want_do
    assert_close_in_columns(got, want, 19)
    assert found.sizes is None


@pytest.mark.parametrize("bits", [7, 10])
def test_rows_of_half_precision_are_exact_in_their_units(bits: int, device: str) -> None:
    """What bfloat16 (7 bits behind the point) and float16 (10) hold, over 2¹² in one row."""
    g = torch.Generator().manual_seed(0)
    mantissa = 1 + torch.randint(0, 1 << bits, (4096,), generator=g) / (1 << bits)
    x = mantissa * 2.0 ** torch.randint(-12, 1, (4096,), generator=g) * 2.0**-37
    unit = 2.0 ** (x.max().log2().floor() - 14)
    assert torch.equal((x / unit).half().float() * unit, x)


@pytest.mark.parametrize(
    ("n_tokens", "n_heads", "want"),
    [(1, 1, 256), (20_000, 8, 320), (20_000, 1, 256), (500, 256, 256), (100_000, 64, 2048)],
)
def test_the_share_of_a_program(n_tokens: int, n_heads: int, want: int) -> None:
    """Many heads take few programs each; no program sums more than float32 carries."""
    assert state.tokens_per_program(n_tokens, n_heads) == want


@pytest.mark.parametrize(("chip", "width"), chips_and_widths())
def test_every_width_compiles_without_spills(chip: int, width: int, tmp_path: Path) -> None:
    reports = compiled("linear/kernels/compile_kernels.py", chip, width, tmp_path)
    for report in reports:
        assert report["spilled_bytes"] == 0, report
        assert report["shared_bytes"] <= SHARED_BYTES[chip], report
        if report["kernel"] != "reduce_kernel":
            assert report["wgmma"] + report["mma"] > 0, report
            # A state of fewer than 64 rows does not fill what one wgmma instruction takes.
            if chip == 90 and width in (64, 128) and report["sizes"] == [width, width]:
                assert report["wgmma"] > 0, report
    assert {report["kernel"] for report in reports} == KERNELS
