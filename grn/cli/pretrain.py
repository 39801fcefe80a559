"""`grn pretrain`: pair encoders from simulated networks, configured by Hydra."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from grn.cli.hydra_job import run_with_hydra

if TYPE_CHECKING:
    from omegaconf import DictConfig

HELP = "train pair encoders on simulated networks, configured by Hydra overrides (key=value)"


def pretrain(overrides: list[str]) -> None:
    """Compose conf/pretrain.yaml with the overrides, simulate, train and write."""
    run_with_hydra("pretrain", overrides, _job)


def _job(config: "DictConfig") -> None:
    from functools import partial

    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    from grn.training.pretraining import RESULT, Pretraining, pretrain_encoders
    from grn.training.run_folder import check_folder, remove_if_empty

    folder = Path(config.output)
    plain: Any = OmegaConf.to_container(config, resolve=True)
    try:
        settings = Pretraining(
            n_networks=plain["n_networks"],
            sizes=plain["encoder"],
            n_encoders=config.n_encoders,
            max_steps=config.max_steps,
            seed=config.seed,
            n_jobs=config.n_jobs,
        )
        check_folder(folder, config.overwrite, RESULT)
        # Made where it logs, in a process per encoder; here it only shows that it can be made.
        make_logger = partial(instantiate, plain["logger"])
        make_logger()
        pretrain_encoders(settings, folder / RESULT, make_logger)
    finally:
        remove_if_empty(folder)
