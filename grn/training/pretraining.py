"""Trains pair encoders on simulated networks whose edges are known, and writes them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor

from grn.errors import InputError
from grn.export.atomic import replacing
from grn.model.pair_encoder import PairEncoder, rebuild
from grn.side_by_side import count_processes, in_order
from grn.training.fit import no_logger, quiet_libraries, train
from grn.training.pretraining_data import (
    FEWEST_NETWORKS,
    Example,
    PairDataModule,
    draw_examples,
    held_out_batches,
    one_thread,
    scale_of,
)
from grn.training.pretraining_module import PairEncoderModule, held_out_ratios, said
from grn.training.tracking import log_pretraining

logger = logging.getLogger(__name__)

RESULT = "pair_encoder.pt"

_State = dict[str, Tensor]

_LARGEST_GRADIENT = 1.0
_N_VALIDATIONS = 10


@dataclass(frozen=True)
class Pretraining:
    """What `grn pretrain` is asked for.

    Raises
    ------
    InputError
        A number is out of its range.
    """

    n_networks: Mapping[str, int]
    """Simulated networks of every kind (`KINDS`); 0: none of it."""
    sizes: Mapping[str, int]
    """Of the encoder: `n_channels` and `n_blocks`."""
    n_encoders: int
    """Trained on the same networks, from other starts in other orders."""
    max_steps: int
    """Of each encoder."""
    seed: int
    n_jobs: int
    """Processes side by side; −1: one per core. The result does not depend on it."""

    def __post_init__(self) -> None:
        asked = {
            **{f"n_networks.{kind}": n for kind, n in self.n_networks.items() if n},
            **{f"encoder.{name}": size for name, size in self.sizes.items()},
            **{"n_encoders": self.n_encoders, "max_steps": self.max_steps},
        }
        for name, number in asked.items():
            least = FEWEST_NETWORKS if name.startswith("n_networks") else 1
            if number < least:
                either = ", or 0 for none of the kind" if least == FEWEST_NETWORKS else ""
                msg = f"{name} is {number}; expected at least {least}{either}."
                raise InputError(msg)
        if not any(self.n_networks.values()):
            msg = f"n_networks is 0 for {', '.join(self.n_networks)}; expected some of one kind."
            raise InputError(msg)
        if not 0 <= self.seed < 2**32:
            msg = f"seed is {self.seed}; expected a whole number from 0 to 4294967295."
            raise InputError(msg)
        count_processes(self.n_jobs)


def pretrain_encoders(
    settings: Pretraining, path: Path, make_logger: Callable[[], Any] = no_logger
) -> dict[str, float]:
    """Simulate networks, train encoders on most of them and write these.

    The file is a dictionary of tensors and plain values: `encoders`, their state dicts; `sizes`,
    their arguments; `held_out`, what is returned here; `version`, of this package; and the
    settings. The same settings give the same file, to the last bit, on the same machine.

    Parameters
    ----------
    settings
        Simulated networks, encoders, seed.
    path
        Of the result; the folder exists.
    make_logger
        Returns a Lightning logger or False; called once per encoder, in its process.

    Returns
    -------
    By kind, the AUPRC over the density of true edges that the encoders' mean log-odds reach on
    the networks that were held out: geometric mean over networks, 1 is chance.

    Raises
    ------
    InputError
        The file cannot be written, or memory ran out.
    """
    n_processes = count_processes(settings.n_jobs)
    logger.info("simulating %d networks", sum(settings.n_networks.values()))
    examples = draw_examples(
        {kind: n for kind, n in settings.n_networks.items() if n},
        seed=settings.seed,
        n_processes=n_processes,
    )
    networks = {(one.kind, one.network, one.held_out) for one in examples}
    n_held_out = sum(held_out for *_, held_out in networks)
    logger.info(
        "training %d encoders for %d steps on %d networks; %d are held out",
        *(settings.n_encoders, settings.max_steps, len(networks) - n_held_out, n_held_out),
    )
    calls: list[Callable[[], _State]] = [
        partial(_train_encoder, settings, examples, number, make_logger)
        for number in range(settings.n_encoders)
    ]
    n_processes = min(n_processes, len(calls))
    if n_processes > 1:
        calls = [partial(_aloud, call) for call in calls]
    encoders = [rebuild(settings.sizes, state) for state in in_order(calls, n_processes)]
    reached = held_out_ratios(encoders, held_out_batches(examples))
    logger.info("held-out AUPRC over density, all encoders: %s", said(reached))
    content = {
        "encoders": [encoder.state_dict() for encoder in encoders],
        "sizes": dict(settings.sizes),
        # Named by the same strings as below: pickle tells equal from identical.
        "held_out": {kind: reached[kind] for kind in settings.n_networks if kind in reached},
        "n_networks": dict(settings.n_networks),
        "max_steps": settings.max_steps,
        "seed": settings.seed,
        "version": version("spherical-grn"),
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        torch.save(content, file)  # given a path, it would write the path's name into the file
    logger.info("wrote %s", path)
    return reached


def _train_encoder(
    settings: Pretraining,
    examples: Sequence[Example],
    number: int,
    make_logger: Callable[[], Any],
) -> _State:
    """Train the encoder of this number, on one thread."""
    seed = int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0])
    loader = PairDataModule(examples, max_steps=settings.max_steps, seed=seed)
    torch.manual_seed(seed)
    encoder = PairEncoder(**settings.sizes)
    # The same for all: the seed is that of the networks.
    encoder.standardise_by(*scale_of(loader.train, settings.seed))
    run_logger = make_logger()
    with one_thread():
        train(
            PairEncoderModule(encoder, settings.max_steps, f"encoder {number + 1}"),
            _build_trainer(settings.max_steps, run_logger),
            loader,
            seed=seed,
        )
    log_pretraining(run_logger, {**vars(settings), "encoder": number})
    return encoder.state_dict()


def _aloud(call: Callable[[], _State]) -> _State:
    """Call, and say on stderr how far it is: in a new process nobody listens to messages."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return call()


def _build_trainer(max_steps: int, run_logger: Any) -> L.Trainer:
    with quiet_libraries():
        return L.Trainer(
            max_steps=max_steps,
            max_epochs=1,
            val_check_interval=max(1, max_steps // _N_VALIDATIONS),
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            gradient_clip_val=_LARGEST_GRADIENT,
            accelerator="cpu",  # many small steps: it is no slower, and the same everywhere
            devices=1,
            logger=run_logger,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
        )
