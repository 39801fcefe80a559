from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from grn.errors import InputError
from grn.training.components import build, check_components, try_out
from grn.training.objectives import Denoising
from tests.helpers import fast_config


class Half:
    """A component with one method of two."""

    def __init__(self, size: int = 1, share: float = 0.5, name: str = "x") -> None:
        self.size = size

    def corrupt(self) -> None:
        """Do nothing."""


class Open(Half):
    """A component that takes whatever it is given."""

    def __init__(self, size: int = 1, **others: Any) -> None:
        super().__init__(size)


class Deaf:
    """An optimiser without a step."""

    def __init__(self, parameters: object, lr: float) -> None:
        self.lr = lr

    def zero_grad(self) -> None:
        """Do nothing."""


def component(target: str, **settings: Any) -> Any:
    return OmegaConf.create({"part": {"_target_": f"{__name__}.{target}", **settings}})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"siz": 3}, r"part\.siz is no setting of .*Half\. Did you mean part\.size\?"),
        ({"colour": 3}, r"part\.colour is no setting .*It takes: size, share, name"),
        ({"size": 1.5}, r"part\.size=1\.5; expected a whole number"),
        ({"size": True}, r"part\.size=True; expected a whole number"),
        ({"size": None}, r"part\.size=null; expected a whole number"),
        ({"share": "half"}, r"part\.share=half; expected a number"),
        ({"name": 3}, r"part\.name=3; expected text"),
    ],
)
def test_settings_are_held_against_the_signature(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_components(component("Half", **settings))


def test_what_fits_passes() -> None:
    check_components(component("Half", size=3, share=1, _partial_=True))
    check_components(component("Open", size=3, colour="red"))
    with pytest.raises(InputError, match=r"part\.size=x"):
        check_components(component("Open", size="x"))


@pytest.mark.parametrize("target", ["nope.Nope", f"{__name__}.Nope", "torch.optim.Adm", "x"])
def test_a_target_that_is_not_there(target: str, caplog: pytest.LogCaptureFixture) -> None:
    config = OmegaConf.create({"outer": {"part": {"_target_": target}}})
    with pytest.raises(InputError, match=rf"outer\.part\._target_={target} cannot be found"):
        check_components(config)
    assert not caplog.records


def test_a_component_says_which_method_it_lacks() -> None:
    node = component("Half", size=4).part
    assert build(node, "part", "corrupt").size == 4
    with pytest.raises(InputError, match=r"part\._target_=.*Half lacks without_noise; expected"):
        build(node, "part", "corrupt", "without_noise")
    partial = component("Half", _partial_=True).part
    assert build(partial, "part", "corrupt", given=(7,)).size == 7


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer._target_=builtins.dict", r"trainer\._target_=builtins.dict lacks fit"),
        ("objective._target_=torch.nn.Identity", "Identity lacks corrupt, without_noise"),
        (f"optimizer._target_={__name__}.Deaf", "Deaf lacks step, state_dict"),
        ("callbacks.early_stopping._target_=builtins.dict", "early_stopping.*lacks setup"),
    ],
)
def test_components_of_a_run_offer_what_it_calls(
    tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_components(fast_config(tmp_path, override))


@pytest.mark.parametrize(
    "typo",
    [
        "+trainer.max_step=3",
        "+data.cell=x",
        "+model.max_cell=3",
        "+confidence.bootstrap=3",
        "+objective.least_nose=1",
        "+optimizer.learning_rate=1",
        "+preprocess.min_cell=3",
        "+data.loader.minibatchsize=3",
        "+callbacks.early_stopping.patients=3",
        "objective.most_noise=loud",
        "data.loader.minibatch_size=many",
        "data.loader.val_fraction=some",
    ],
)
def test_a_typo_is_found_in_every_group(tmp_path: Path, typo: str) -> None:
    key = typo.lstrip("+").partition("=")[0]
    with pytest.raises(InputError, match=key.replace(".", r"\.")):
        check_components(fast_config(tmp_path, typo))


class Model(torch.nn.Module):
    """A model of two genes that is right, or wrong in one way."""

    def __init__(self, wrong: str) -> None:
        super().__init__()
        self.wrong, self.weight = wrong, torch.nn.Parameter(torch.ones(2))

    def forward(self, noisy: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        if self.wrong == "raises":
            return self.nowhere(noisy)
        if self.wrong == "shape":
            return (noisy * self.weight)[:, :1]
        if self.wrong == "others":
            noisy = noisy.flip(1)
        return noisy.clone() if self.wrong == "constant" else noisy * self.weight


class Sum(torch.nn.Module):
    """An objective whose loss is a number for each cell."""

    def corrupt(self, cells: torch.Tensor, generator: torch.Generator | None = None) -> Any:
        return cells, torch.rand(len(cells), generator=generator)

    def without_noise(self, cells: torch.Tensor) -> Any:
        return cells, torch.zeros(len(cells))

    def forward(self, predicted: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        return (predicted - cells).sum(dim=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("raises", r"Model.* fails on 4 cells \(.*test_components.py, line \d+\): AttributeError"),
        ("shape", r"a prediction has the shape \(4, 1\); expected \(4, 2\)"),
        ("constant", r"depends on no parameter"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_before_training(wrong: str, message: str) -> None:
    config = OmegaConf.create(
        {"model": {"predictor": {"_target_": "x.Model"}}, "objective": {"_target_": "grn.y"}}
    )
    objective = Denoising(1.0, least_noise=0.1, most_noise=1.0)
    cells = torch.randn(4, 2)
    known = (["A", "B"], torch.tensor([1]))
    state = torch.get_rng_state()
    try_out(config, Model("nothing"), objective, cells, *known)
    with pytest.raises(InputError, match=message):
        try_out(config, Model(wrong), objective, cells, *known)
    with pytest.raises(InputError, match=r"the loss has the shape \(4,\); expected \(\)"):
        try_out(config, Model("nothing"), Sum(), cells, *known)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(("wrong", "warns"), [("nothing", True), ("others", False)])
def test_a_model_in_which_genes_predict_themselves_is_warned_of(
    wrong: str, warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    config = OmegaConf.create(
        {"model": {"predictor": {"_target_": "x.Model"}}, "objective": {"_target_": "grn.y"}}
    )
    objective = Denoising(1.0, least_noise=0.1, most_noise=1.0)
    known = (["A", "B"], torch.tensor([1]))
    try_out(config, Model(wrong), objective, torch.randn(4, 2), *known)
    said = "x.Model predicts genes from their own expression, such as B"
    assert (said in caplog.text) == warns


class Running(Model):
    """A model that keeps a mean of what it was trained on; its objective cannot be copied."""

    def __init__(self) -> None:
        super().__init__("nothing")
        self.norm = torch.nn.BatchNorm1d(2)

    def forward(self, noisy: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        return self.norm(super().forward(noisy, level))


def test_a_trial_changes_no_running_mean() -> None:
    config = OmegaConf.create(
        {"model": {"predictor": {"_target_": "x.Model"}}, "objective": {"_target_": "grn.y"}}
    )
    objective = Denoising(1.0, least_noise=0.1, most_noise=1.0)
    objective.source = (one for one in ())
    model = Running()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    try_out(config, model, objective, torch.randn(4, 2), ["A", "B"], torch.tensor([1]))
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_an_error_of_a_class_without_a_file_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    config = OmegaConf.create(
        {"model": {"predictor": {"_target_": "x.Model"}}, "objective": {"_target_": "grn.y"}}
    )
    objective = Denoising(1.0, least_noise=0.1, most_noise=1.0)
    # As of a class that was defined in a notebook.
    monkeypatch.setattr(Model, "__module__", "builtins")
    with pytest.raises(InputError, match="fails on 4 cells: AttributeError"):
        try_out(config, Model("raises"), objective, torch.randn(4, 2), ["A"], torch.tensor([0]))


def test_a_component_that_fails_without_a_text_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "silent_parts.py").write_text("raise AssertionError\n")
    monkeypatch.syspath_prepend(tmp_path)
    config = OmegaConf.create({"part": {"_target_": "silent_parts.Part"}})
    with pytest.raises(InputError, match=r"cannot be found \(AssertionError\(\)\)"):
        check_components(config)


class Greedy:
    """A component that wants more than it is given."""

    def __init__(self, one: int, two: int) -> None:
        self.one, self.two = one, two


def test_a_component_that_takes_other_arguments_is_named() -> None:
    node = component("Greedy", _partial_=True)["part"]
    with pytest.raises(InputError, match=r"part\._target_=.*Greedy cannot be built: .*'two'"):
        build(node, "part", given=(1,))
