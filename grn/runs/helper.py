"""What all processes of a training but the first one do: they train, and write nothing."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from omegaconf import DictConfig

from grn.data.preprocessing.perturbed_obs import PERTURBATION
from grn.expression import fingerprint
from grn.runs.folder import LAST_CHECKPOINT
from grn.runs.inputs import read_inputs
from grn.runs.unsupervised import Unsupervised
from grn.training.checkpoint import read_checkpoint, settings_of
from grn.training.distributed import helper_settings
from grn.training.settings import check_settings
from grn.training.whole_checkpoints import is_whole


def help_to_train(config: DictConfig, checkpoint: str | Path | None, *, train: bool) -> NoReturn:
    """Take part in the training of a run that another process conducts, and end this process.

    Every process reads the cells and finds the network by itself, since that takes less than to
    send them. Nothing is written but to a temporary folder.

    Parameters
    ----------
    config, checkpoint, train
        As `grn.runs.run.run` takes them.

    Raises
    ------
    SystemExit
        The training is over; without one there is nothing to help with.
    InputError
        As for the run itself.
    """
    check_settings(config)
    if not train:
        raise SystemExit(0)
    stored = None if checkpoint is None else read_checkpoint(checkpoint)
    if stored is not None:
        config = settings_of(config, stored)
    inputs = replace(read_inputs(config), truth=None)
    cells = fingerprint(inputs.adata, inputs.adata.obs.get(PERTURBATION))
    # The first process discards the checkpoints of an earlier run where it overwrites them.
    last = Path(config.paths.run) / LAST_CHECKPOINT
    resumed = last if not config.overwrite and is_whole(last, cells) else None
    with tempfile.TemporaryDirectory() as folder:
        settings = helper_settings(config, folder)
        Unsupervised(settings, inputs, cells, stored, train=True).help_to_train(resumed)
    raise SystemExit(0)
