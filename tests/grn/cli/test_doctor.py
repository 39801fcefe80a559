import re
from collections.abc import Callable
from typing import Any

import flashsign
import pytest
import torch

from grn.cli import doctor
from grn.version import VERSION

Cli = Callable[..., tuple[int, str, str]]
PER_SHAPE = 7 if torch.cuda.is_available() else 3


def test_it_says_what_the_machine_has_and_that_attention_is_right(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_SHAPES", ((17, 29, 8),))
    code, out, err = cli("doctor")
    assert code == 0, err
    said = dict(re.findall(r"^(\S+)\s+(.*)$", out, re.MULTILINE))
    assert said["grn"] == VERSION
    assert said["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert f"torch uses {torch.get_num_threads()} " in said["threads"]
    assert said["devices"].startswith("cpu")
    passed = f"passed: {PER_SHAPE} of {PER_SHAPE} comparisons"
    assert said["self-test"].startswith(passed)
    assert 1e-9 < float(said["self-test"].rpartition(" ")[2]) < 1e-5


def test_a_package_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PACKAGES", ("numpy", "no-such-package"))
    said = doctor.describe_machine()
    assert said["no-such-package"] == "not installed"
    assert said["numpy"][0].isdigit()


@pytest.mark.parametrize("wrong", [0, 1])
def test_wrong_results_and_wrong_gradients_are_found(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, wrong: int
) -> None:
    attention = flashsign.spherical_attention

    class Slope(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
            return 1.01 * gradient

    def broken(*tensors: Any, method: str, **options: Any) -> torch.Tensor:
        found = attention(*tensors, method=method, **options)
        if method == "reference":
            return found
        return 1.01 * found if wrong == 0 else Slope.apply(found)

    monkeypatch.setattr(flashsign, "spherical_attention", broken)
    code, _, err = cli("doctor")
    assert code == 1
    assert "(17, 29, 8) (cpu, l2, gram) is off by" in err


def test_it_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"passed: {PER_SHAPE} of {4 * PER_SHAPE} comparisons" in doctor.self_test(seconds=0)
