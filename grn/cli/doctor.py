"""`grn doctor` describes the machine and tests whether spherical attention is correct on it."""

import argparse
import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grn.errors import first_line

if TYPE_CHECKING:
    import torch

_PACKAGES = ("torch", "triton", "lightning", "numpy", "scipy", "pandas", "anndata", "scanpy")
_SECONDS = 10.0  # chosen by hand, so that users do run it
# Queries, keys and features of each comparison; batch size and number of heads are 2.
_SHAPES = ((17, 29, 8), (200, 120, 32), (600, 300, 64), (1500, 400, 32))
# Largest accepted difference between float32 and float64, as a share of the largest element of the
# result. Chosen by hand: float32 rounds to 6e-8, and a fault changes the leading digits.
_TOLERANCE = 1e-4


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser's `commands`."""
    doctor = commands.add_parser(
        "doctor", help="show versions, devices and threads, and run a self-test of ten seconds"
    )
    doctor.set_defaults(command=_doctor)


def _doctor(_options: argparse.Namespace) -> None:
    for name, value in describe_machine().items():
        print(f"{name:<12}{value}", flush=True)
    print(f"{'self-test':<12}{self_test()}")


def describe_machine() -> dict[str, str]:
    """Return what a bug report should state about the machine, by name."""
    import psutil
    import torch

    from grn.version import VERSION

    affinity = getattr(os, "sched_getaffinity", None)
    n_cores = len(affinity(0)) if affinity else os.cpu_count()
    memory = psutil.virtual_memory()
    found = {
        "grn": VERSION,
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": platform.platform(),
    }
    found |= {name: _version(name) for name in _PACKAGES}
    set_by = os.environ.get("OMP_NUM_THREADS")
    found["threads"] = (
        f"torch uses {torch.get_num_threads()} threads on the {n_cores} cores of this process"
        + ("" if set_by is None else f" (OMP_NUM_THREADS={set_by})")
    )
    found["memory"] = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"
    found["devices"] = ", ".join(["cpu", *map(_describe_gpu, range(torch.cuda.device_count()))])
    found["kernels"] = _kernels()
    return found


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _describe_gpu(number: int) -> str:
    import torch

    has = torch.cuda.get_device_properties(number)
    size = has.total_memory / 2**30
    return f"cuda:{number} {has.name}, {size:.0f} GiB, capability {has.major}.{has.minor}"


def _kernels() -> str:
    """Return whether Triton kernels are used here and, if so, whether they compile."""
    import torch

    if _version("triton") == "not installed":
        return "none: triton is not installed, so everything runs in plain torch"
    if not torch.cuda.is_available():
        return "none: Triton kernels need a CUDA device, so everything runs in plain torch"
    try:
        _largest_difference((17, 29, 8), "cuda", "l2", "streaming")
    except Exception as error:  # noqa: BLE001 - any error of the compiler is the answer
        return f"Triton does NOT compile here: {type(error).__name__}: {first_line(error)}"
    return "Triton compiles"


def self_test(seconds: float = _SECONDS) -> str:
    """Compare results and gradients of spherical attention with its specification in float64.

    Parameters
    ----------
    seconds
        Time after which no further comparison starts; those of the smallest shape always run.

    Returns
    -------
    The number of comparisons and the largest difference, as text.

    Raises
    ------
    RuntimeError
        A result differs by more than a ten-thousandth of its largest element.
    """
    started, n_compared, worst = time.perf_counter(), 0, 0.0
    cases = list(_cases())
    for case in cases:
        if case[0] != _SHAPES[0] and time.perf_counter() - started > seconds:
            break
        difference = _largest_difference(*case)
        worst, n_compared = max(worst, difference), n_compared + 1
        if not difference <= _TOLERANCE:
            shape, *where = case
            msg = (
                f"spherical attention of shape {shape} ({', '.join(where)}) is off by "
                f"{difference:.1e} on this machine; rounding explains at most {_TOLERANCE:.0e}"
            )
            raise RuntimeError(msg)
    took = time.perf_counter() - started
    return (
        f"passed: {n_compared} of {len(cases)} comparisons of flashsign with its reference in "
        f"{took:.1f} s, largest difference {worst:.1e}"
    )


def _cases() -> Iterator[tuple[tuple[int, int, int], str, str, str]]:
    """Yield shape, device, normaliser and method of each comparison, smallest shapes first."""
    import torch

    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    for shape in _SHAPES:
        for device in devices:
            methods = ["gram", "streaming"] if device == "cuda" else ["gram"]
            yield from ((shape, device, "l2", method) for method in methods)
            yield from ((shape, device, other, "auto") for other in ("l1", "softmax"))


def _largest_difference(
    shape: tuple[int, int, int], device: str, normaliser: str, method: str
) -> float:
    """Return the largest difference from the reference, as a share of the largest element."""
    import flashsign
    import torch

    n, m, features = shape
    generator = torch.Generator().manual_seed(0)
    inputs = [
        torch.randn(2, 2, size, features, generator=generator) / features**0.5
        for size in (n, m, m)
    ]
    own_key = torch.arange(n)
    own_key[own_key >= m] = -1

    def derive(dtype: "torch.dtype", where: str, how: Any) -> list["torch.Tensor"]:
        given = [t.to(where, dtype).requires_grad_() for t in inputs]
        found = flashsign.spherical_attention(
            *given, exclude_self=own_key.to(where), normaliser=kind, method=how
        )
        weight = torch.linspace(-1, 1, found.numel(), dtype=dtype, device=where)
        gradients = torch.autograd.grad((found * weight.reshape(found.shape)).sum(), given)
        return [t.detach().double().cpu() for t in (found, *gradients)]

    kind: Any = normaliser
    expected = derive(torch.float64, "cpu", "reference")
    found = derive(torch.float32, device, method)
    pairs = zip(found, expected, strict=True)
    return max(float((one - other).abs().max() / other.abs().max()) for one, other in pairs)
