"""Threads that take heads: the same bits as one thread, and nothing of it left behind."""

import threading
from collections.abc import Iterator

import pytest
import torch
from flashsign import spherical_attention
from flashsign.linear import chunks, form, threads
from flashsign.linear.threads import each_part
from torch import Tensor


@pytest.fixture(autouse=True)
def three_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "ELEMENTS_PER_THREAD", 1000)
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def results(exclude_self: bool, dtype: torch.dtype) -> list[Tensor]:
    torch.manual_seed(0)
    shapes = (2, 5, 101, 7), (2, 5, 101, 7), (2, 5, 101, 3)
    leaves = [torch.randn(shape, dtype=dtype).requires_grad_() for shape in shapes]
    out = spherical_attention(*leaves, exclude_self=exclude_self, method="gram")
    (out * torch.randn_like(out)).sum().backward()
    return [out.detach(), *(leaf.grad for leaf in leaves if leaf.grad is not None)]


@pytest.mark.parametrize("exclude_self", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_number_of_threads_gives_the_same_bits(exclude_self: bool, dtype: torch.dtype) -> None:
    found = results(exclude_self, dtype)
    torch.set_num_threads(1)
    alone = results(exclude_self, dtype)
    assert len(found) == len(alone) == 4
    assert all(torch.equal(one, other) for one, other in zip(found, alone, strict=True))


def test_threads_share_the_heads_and_each_has_one_thread_of_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting, seen = threading.Barrier(3, timeout=30), {}
    original = form._forward_chunk

    def forward_chunk(*args: object) -> Tensor:
        if threading.get_ident() not in seen:
            waiting.wait()  # passes only if three threads are here at once
        seen[threading.get_ident()] = torch.get_num_threads()
        return original(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(form, "_forward_chunk", forward_chunk)
    results(exclude_self=True, dtype=torch.float32)
    assert list(seen.values()) == [1, 1, 1]
    assert torch.get_num_threads() == 3


def test_every_head_is_taken_once_and_in_enough_parts() -> None:
    q = torch.zeros(2, 5, 101, 7)
    taken = torch.zeros(2, 5)
    parts: list[chunks.Part] = []

    def take(part: chunks.Part) -> None:
        taken[part] += 1
        parts.append(part)

    each_part(q, q, take)
    assert (taken == 1).all()
    assert len(parts) >= 3


@pytest.mark.parametrize(
    ("batch", "n_heads", "n_keys", "n_threads", "inside"),
    [
        (2, 5, 101, 3, 1),  # heads enough for all threads
        (1, 2, 500, 1, 3),  # fewer heads than threads: they stay inside the operations
        (1, 2, 100, 1, 1),  # 1400 elements are worth one thread
        (1, 2, 200, 2, 1),
        (1, 2, 0, 1, 1),
    ],
)
def test_the_size_says_how_many_threads_there_are(
    batch: int, n_heads: int, n_keys: int, n_threads: int, inside: int
) -> None:
    seen: dict[int, int] = {}
    done = threading.Event()

    def work(_: chunks.Part) -> None:
        seen[threading.get_ident()] = torch.get_num_threads()
        if len(seen) == n_threads:
            done.set()
        done.wait(timeout=5)  # until as many threads as there should be have taken a part

    q, k = torch.zeros(batch, n_heads, 50, 7), torch.zeros(batch, n_heads, n_keys, 7)
    each_part(q, k, work)
    assert list(seen.values()) == [inside] * n_threads
    assert torch.get_num_threads() == 3


def test_an_error_of_one_part_is_raised_and_the_setting_restored() -> None:
    def fail(part: chunks.Part) -> None:
        if part[1].start == 3:
            msg = f"of {part}"
            raise ArithmeticError(msg)

    with pytest.raises(ArithmeticError, match="of "):
        each_part(torch.zeros(2, 5, 101, 7), torch.zeros(2, 5, 101, 7), fail)
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("method", ["gram", None])
def test_inference_mode_holds_in_every_thread(method: str | None) -> None:
    q, k, v = torch.randn(3, 2, 4, 200, 8).unbind()
    named = {} if method is None else {"method": method}
    expected = spherical_attention(q, k, v, **named)
    with torch.inference_mode():
        assert torch.equal(spherical_attention(q, k, v, **named), expected)
