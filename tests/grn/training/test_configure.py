from typing import Any

import pytest

from grn.errors import InputError
from grn.training.configure import configure_training


def test_arguments_become_settings() -> None:
    config = configure_training(7, "cpu", 3, ["optimizer.lr=0.5"], progress=True)
    assert (config.trainer.max_steps, config.trainer.val_check_interval) == (7, 7)
    assert (config.trainer.accelerator, config.seed, config.optimizer.lr) == ("cpu", 3, 0.5)
    assert configure_training(None, "cpu", 0, (), progress=True).trainer.max_steps > 7


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"max_steps": 1.5}, "max_steps is 1.5; expected a whole number of at least 1, or None"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"max_steps": True}, "max_steps is True"),
        ({"max_steps": "3"}, "max_steps is '3'"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"overrides": "optimizer.lr=1"}, "expected a list of settings"),
        ({"overrides": [3]}, "expected a list of settings"),
        ({"overrides": ["optimizer.lrr=1"]}, "Did you mean optimizer.lr?"),
        ({"overrides": ["optimiser.lr=1"]}, "no setting optimiser.lr"),
        ({"overrides": ["optimizer=adagrad"]}, "no optimizer=adagrad. Existing: adam"),
        ({"overrides": ["seed"]}, "expected KEY=VALUE"),
        ({"overrides": ["preprocess.min_cells=3"]}, "comes too late"),
        ({"overrides": ["hparams_search=optuna"]}, "grn train hparams_search=optuna"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(changed: dict[str, Any], message: str) -> None:
    given = {"max_steps": 2, "accelerator": "cpu", "seed": 0, "overrides": (), **changed}
    with pytest.raises(InputError) as refused:
        configure_training(**given, progress=True)
    assert message in str(refused.value)


def test_progress_can_be_left_out() -> None:
    assert configure_training(7, "cpu", 0, (), progress=True).callbacks.progress_bar is not None
    assert configure_training(7, "cpu", 0, (), progress=False).callbacks.progress_bar is None
