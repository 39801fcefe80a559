from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from grn.errors import InputError
from grn.training.components import build, check_components
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


class Greedy:
    """A component that wants more than it is given."""

    def __init__(self, one: int, two: int) -> None:
        self.one, self.two = one, two


def test_a_component_that_takes_other_arguments_is_named() -> None:
    node = component("Greedy", _partial_=True)["part"]
    with pytest.raises(InputError, match=r"part\._target_=.*Greedy cannot be built: .*'two'"):
        build(node, "part", given=(1,))
