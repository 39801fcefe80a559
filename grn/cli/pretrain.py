"""`grn pretrain` trains the transformer on known networks, configured by Hydra."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from grn.cli.hydra_job import run_with_hydra

if TYPE_CHECKING:
    from omegaconf import DictConfig

HELP = "train the transformer on known networks, configured by Hydra overrides (key=value)"


def pretrain(overrides: list[str]) -> None:
    """Compose conf/pretrain.yaml with the overrides, simulate cells, train, and write weights."""
    run_with_hydra("pretrain", overrides, _job)


def _job(config: "DictConfig") -> None:
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    from grn.journal import open_journal, recorded, stage
    from grn.pretraining.pretrain import RESULT, Pretraining, pretrain
    from grn.pretraining.real import load_networks
    from grn.runs.folder import check_folder, create_folder, locked, remove_if_empty
    from grn.runs.tracking import log_pretraining, name_pretraining

    folder = Path(config.output)
    plain: Any = OmegaConf.to_container(config, resolve=True)
    try:
        with recorded("pretrain"):
            settings = Pretraining(
                n_networks=plain["n_networks"],
                batch_size=plain["batch_size"],
                share=plain["share"],
                sizes=plain["transformer"],
                start=plain["start"],
                optimisation=plain["optimisation"],
                max_steps=config.max_steps,
                trainer=plain["trainer"],
                seed=config.seed,
                n_jobs=config.n_jobs,
            )
            check_folder(folder, config.overwrite, RESULT)
            with stage("read the real cells"):
                real = load_networks(plain["real"])
            run_logger = instantiate(plain["logger"])
            name_pretraining(run_logger, plain, folder)
            create_folder(folder)
            with locked(folder):
                open_journal(folder, anew=config.overwrite)
                reached = pretrain(settings, folder, real, run_logger)
            log_pretraining(run_logger, reached)
    finally:
        remove_if_empty(folder)
