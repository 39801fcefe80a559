"""Composes the settings of a training from the arguments of `SphericalGRN.train`."""

from collections.abc import Collection
from typing import Any

from omegaconf import OmegaConf

from grn.config import NO_FOLDER, compose_config
from grn.errors import InputError
from grn.inference.arguments import check_count


def configure_training(
    max_steps: int | None,
    accelerator: str,
    seed: int,
    overrides: Collection[str],
    *,
    progress: bool,
) -> Any:
    """Compose the settings of a training on cells that are preprocessed already.

    Parameters
    ----------
    max_steps, accelerator, seed, overrides, progress
        As `grn.SphericalGRN.train` takes them.

    Raises
    ------
    InputError
        An argument has a wrong type or is out of range, or an override does not fit.
    """
    if isinstance(overrides, str) or not all(isinstance(one, str) for one in overrides):
        msg = (
            f"overrides is {overrides!r}; expected a list of settings such as "
            '["optimizer.lr=0.001"].'
        )
        raise InputError(msg)
    late = [override for override in overrides if override.lstrip("+~").startswith("preproc")]
    if late:
        msg = (
            f"{late[0]} comes too late: the cells are preprocessed already. Pass what "
            "grn.preprocess(adata, ...) returns to SphericalGRN."
        )
        raise InputError(msg)
    config = compose_config([*NO_FOLDER, f"trainer.accelerator={accelerator}", *overrides])
    check_count("seed", seed, least=0)
    asked: dict[str, Any] = {"seed": seed}
    if max_steps is not None:
        check_count("max_steps", max_steps, least=1, otherwise="None for the default")
        # Short trainings are validated too: the best step is chosen by the validation loss.
        at_most = min(max_steps, config.trainer.val_check_interval)
        asked["trainer"] = {"max_steps": max_steps, "val_check_interval": at_most}
    if not progress:
        config.callbacks.progress_bar = None
    return OmegaConf.merge(config, asked)
