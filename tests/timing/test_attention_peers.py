from types import ModuleType

import pytest
import torch
from flashsign import spherical_attention

SHAPE = (2, 3, 13, 16)


def test_every_method_computes_its_function(
    gpu: ModuleType, peers: ModuleType, device: str
) -> None:
    inputs = peers.random_inputs(SHAPE, device, torch.float32)
    q, k, v, _ = (t.double() for t in inputs)
    scores = q @ k.transpose(-1, -2)
    softmax = (scores / 4).softmax(-1) @ v
    spherical = spherical_attention(q, k, v, method="reference")
    answered = set()
    for m in peers.methods():
        _, note = gpu.tried(lambda m=m: float(peers.step(m, inputs, "forward").sum()))
        if note:
            assert len(note) > 20
            continue
        out = peers.step(m, inputs, "forward")
        is_spherical = m.name in ("FlashSign", "naive", "naive, compiled")
        assert out.shape == SHAPE
        torch.testing.assert_close(
            out.double(), spherical if is_spherical else softmax, atol=1e-5, rtol=1e-5
        )
        answered.add(m.name)
    assert answered >= {"FlashSign", "naive", "naive, compiled", "FlexAttention"}
    assert answered & {"SDPA flash", "SDPA efficient"}
    assert [m.name for m in peers.methods()] == list(gpu.COLOURS)


def test_float64_in_blocks_of_queries(
    peers: ModuleType, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    inputs = peers.random_inputs(SHAPE, device, torch.float32)
    q, k, v = (t[1:, 2:].double().requires_grad_() for t in inputs[:3])
    out = peers.softmax(q, k, v)
    out.backward(inputs[3][1:, 2:].double())
    monkeypatch.setattr(peers, "ROWS", 5)
    blocks = peers.expected(peers.softmax, inputs)
    for mine, true in zip(blocks, (out.detach(), q.grad, k.grad, v.grad), strict=True):
        torch.testing.assert_close(mine, true)
