"""The example of docs/plugins.md: saved and run as it stands, from the folder it is saved in."""

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

import grn
from grn.errors import InputError
from grn.training.protocols import ExpressionModel, Objective
from tests.helpers import FAST, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "plugins.md").read_text(encoding="utf-8")
SOURCE = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)[0]
COMMANDS = re.findall(r"^grn (train model.+)$", PAGE, re.MULTILINE)
SMALL = ("+data.source.n_tfs=4", "+data.source.n_targets=12", "+data.source.n_cells=60")


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder in which the example is saved, which is forgotten afterwards."""
    (tmp_path / "my_parts.py").write_text(SOURCE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("my_parts", None)


def test_the_example_runs_as_it_stands(
    saved: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    both = next(words for words in COMMANDS if "LowRank objective=own" in words)
    where = ("hydra.run.dir=out", "logger=none")
    code, _, err = cli(*shlex.split(both), *FAST, *SMALL, *where)
    assert code == 0, err
    record = json.loads((saved / "out" / "metrics.json").read_text())
    assert record["steps"] == 8
    assert set(record["prediction"]) == {"r2", "mean", "ridge", "start"}
    assert record["prediction"]["r2"] != record["prediction"]["start"]


def test_what_is_built_in_and_the_example_have_what_a_run_calls(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grn.model.predictor import ExpressionPredictor
    from grn.training.objectives import Denoising

    monkeypatch.syspath_prepend(saved)
    import my_parts  # type: ignore[import-not-found]

    model = my_parts.LowRank(None, None, torch.zeros(5, 2), torch.tensor([0, 3]), rank=2)
    assert isinstance(model, ExpressionModel)
    assert isinstance(my_parts.Hiding(1.0), Objective)
    assert isinstance(Denoising(1.0, least_noise=0.1, most_noise=1.0), Objective)
    assert issubclass(ExpressionPredictor, torch.nn.Module)
    assert not isinstance(torch.optim.SGD([torch.zeros(1)], lr=1), ExpressionModel)
    # No gene predicts itself.
    assert model.attention_map()[[0, 3], [0, 1]].tolist() == [0, 0]


def test_a_saved_model_of_an_own_class_needs_its_module(
    saved: Path, small: "AnnData", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(saved)
    model = grn.SphericalGRN(small, tfs_of(small))
    own = ["model/predictor=own", "model.predictor._target_=my_parts.LowRank"]
    model.train(1, progress=False, overrides=[*own, "trainer.accelerator=cpu"])
    model.save(saved / "model.pt")
    again = grn.SphericalGRN.load(saved / "model.pt", small)
    assert again._module is not None
    assert type(again._module.predictor).__name__ == "LowRank"
    for one, other in zip(model._module.parameters(), again._module.parameters(), strict=True):
        assert torch.equal(one, other)
    del sys.modules["my_parts"]
    with pytest.raises(InputError, match="import its module first"):
        grn.SphericalGRN.load(saved / "model.pt", small)
    assert "my_parts" not in sys.modules
