"""Simulates networks, trains the transformer on them, fits the blend, and writes the file."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from grn.errors import InputError
from grn.files import replacing
from grn.journal import stage
from grn.model.extension import extended, standardise_by
from grn.model.pretrained import FORMAT, PRETRAINED, read_pretrained
from grn.model.threads import one_thread
from grn.model.transformer import SphericalTransformer
from grn.pretraining.batches import Batch, ExampleModule, Kind, moments_of
from grn.pretraining.examples import FEWEST_NETWORKS, Example, draw_examples
from grn.pretraining.module import PretrainingModule, in_words, judge, mean_over_networks
from grn.pretraining.real import RealNetwork, fit_blend
from grn.processes import count_processes
from grn.simulation.curriculum import SCREENS
from grn.training.curves import Curves
from grn.training.distributed import check_one_machine, count_all, environment
from grn.training.fit import quiet_libraries, step_of, train
from grn.training.progress import TrainingProgress
from grn.training.serialise import write_tensors
from grn.training.whole_checkpoints import WholeCheckpoints, is_whole
from grn.version import VERSION

logger = logging.getLogger(__name__)

RESULT = "transformer.pt"
_CHECKPOINT = "last.ckpt"
_PACKAGE = "package"


@dataclass(frozen=True)
class Pretraining:
    """Settings of `grn pretrain`; conf/pretrain.yaml explains each of them.

    Raises
    ------
    InputError
        A number is out of its range.
    """

    n_networks: Mapping[str, int]
    batch_size: Mapping[str, int]
    share: Mapping[str, float]
    sizes: Mapping[str, Any]
    optimisation: Mapping[str, Any]
    max_steps: int
    trainer: Mapping[str, Any]
    seed: int
    n_jobs: int
    start: str | None = None

    def __post_init__(self) -> None:
        asked = {f"n_networks.{kind}": n for kind, n in self.n_networks.items() if n}
        least = dict.fromkeys(asked, FEWEST_NETWORKS)
        asked |= {
            f"transformer.{name}": size
            for name, size in self.sizes.items()
            if name != "normaliser"
        }
        asked |= {f"batch_size.{kind}": n for kind, n in self.batch_size.items()}
        asked |= {"max_steps": self.max_steps}
        for name, number in asked.items():
            if number < least.get(name, 1):
                either = ", or 0 for none of the kind" if name in least else ""
                msg = f"{name} is {number}; expected at least {least.get(name, 1)}{either}."
                raise InputError(msg)
        if not any(self.n_networks.values()):
            msg = f"n_networks is 0 for {', '.join(self.n_networks)}; expected some of one kind."
            raise InputError(msg)
        if 0 < sum(kind in SCREENS for kind in self.kinds) < len(self.kinds):
            msg = (
                f"networks of {', '.join(self.kinds)} are asked for together; expected either "
                f"perturbation screens ({', '.join(SCREENS)}) or other kinds. Set the numbers of "
                "the one or the other to 0, as stage=interventions does."
            )
            raise InputError(msg)
        if not 0 <= self.seed < 2**32:
            msg = f"seed is {self.seed}; expected a whole number from 0 to 4294967295."
            raise InputError(msg)
        count_processes(self.n_jobs)
        check_one_machine(self.trainer)

    @property
    def kinds(self) -> dict[str, Kind]:
        """Settings of training for each kind with at least one network."""
        return {
            kind: Kind(self.batch_size[kind], self.share[kind])
            for kind, n in self.n_networks.items()
            if n
        }

    @property
    def interventional(self) -> bool:
        """Whether the transformer takes interventions."""
        return any(kind in SCREENS for kind in self.kinds)

    @property
    def started_from(self) -> Path | None:
        """File of the weights to go on from; None: random weights."""
        if self.start is None:
            return None
        return PRETRAINED if self.start == _PACKAGE else Path(self.start)


def pretrain(
    settings: Pretraining,
    folder: Path,
    real: list[RealNetwork],
    run_logger: Any = False,
) -> dict[str, float]:
    """Train the transformer and write it; the same settings give the same file.

    An interrupted run continues where it stopped: simulated examples and the last checkpoint are
    kept in the folder. The file is a dictionary of tensors and plain values: `transformer`, its
    state dict; `sizes`, its arguments; `blend`, the parameters of `Blend` fitted to all real
    networks, and `left_out`, those fitted without each study; `held_out`, what is returned here;
    `format`, `version`, and the settings.

    Parameters
    ----------
    settings
        Numbers of networks, sizes, steps and seed.
    folder
        Folder of the file, and of everything that resuming needs.
    real
        Real cells with known networks, to which the blend is fitted.
    run_logger
        Lightning logger, or False.

    Returns
    -------
    Accuracy on held-out networks by kind: the geometric mean of AUPRC over density (1 is chance)
    and the mean share of right signs.

    Raises
    ------
    InputError
        The folder holds an interrupted run with other settings, or cannot be written to.
    """
    _keep_settings(settings, folder)
    n_networks = {kind: n for kind, n in settings.n_networks.items() if n}
    logger.info("simulating %d networks", sum(n_networks.values()))
    with stage("simulate networks"):
        examples = draw_examples(
            n_networks,
            seed=settings.seed,
            n_processes=count_processes(settings.n_jobs),
            folder=folder / "examples",
        )
    with stage("train the transformer"):
        transformer, loader = _train(settings, examples, folder, run_logger)
    with stage("evaluate on held-out networks"):
        reached = _judge_held_out(transformer, loader)
    logger.info("on held-out networks: %s", in_words(reached))
    if settings.started_from is None:
        with stage("fit the blend to real cells"):
            blend, left_out = fit_blend(transformer, real, settings.seed)
    else:
        start = read_pretrained(settings.started_from)
        blend, left_out = start.blend, dict(start.left_out)
    content = {
        "format": FORMAT,
        "transformer": transformer.state_dict(),
        "sizes": transformer.arguments,
        "blend": blend,
        "left_out": left_out,
        "held_out": reached,
        "n_networks": dict(settings.n_networks),
        "max_steps": settings.max_steps,
        "seed": settings.seed,
        "version": VERSION,
    }
    path = folder / RESULT
    write_tensors(content, path)
    (folder / _CHECKPOINT).unlink(missing_ok=True)  # the run is complete: nothing resumes from it
    logger.info("wrote %s", path)
    return reached


def _keep_settings(settings: Pretraining, folder: Path) -> None:
    """Write the settings into the folder; raise if an interrupted run there had others."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "settings.json"
    given = {name: value for name, value in vars(settings).items() if name != "n_jobs"}
    text = json.dumps({**given, "version": VERSION}, indent=2, sort_keys=True)
    if (folder / _CHECKPOINT).exists() and (not path.exists() or path.read_text() != text):
        msg = (
            f"{folder} holds an interrupted run with other settings ({path.name}). Use these to "
            f"resume, choose another output, or delete {_CHECKPOINT} there to start anew."
        )
        raise InputError(msg)
    with replacing(path) as temporary:
        temporary.write_text(text)


def _train(
    settings: Pretraining, examples: list[Example], folder: Path, run_logger: Any
) -> tuple[SphericalTransformer, ExampleModule]:
    """Train a transformer, each process on one thread."""
    seed = int(np.random.SeedSequence([settings.seed, 0]).generate_state(1)[0])
    n_processes = count_all(settings.trainer)
    # Gradients of a step are averaged over so many batches, whichever process has them.
    per_step = n_processes * settings.trainer.get("accumulate_grad_batches", 1)
    last = folder / _CHECKPOINT
    resume_from = last if last.exists() and is_whole(last) else None
    if resume_from is None and last.exists():
        logger.warning("%s cannot be read: training starts anew", last)
    n_done = 0 if resume_from is None else step_of(resume_from) * per_step
    n_batches = settings.max_steps * per_step
    loader = ExampleModule(
        examples,
        settings.kinds,
        max_steps=n_batches,
        seed=seed,
        n_done=n_done,
        n_alike=n_processes,
    )
    logger.info(
        "training for %d steps on %d examples; %d are held out",
        *(settings.max_steps, len(loader.train), len(examples) - len(loader.train)),
    )
    torch.manual_seed(seed)
    transformer = _first_weights(settings, moments_of(loader.train, settings.seed))
    module = PretrainingModule(transformer, max_steps=settings.max_steps, **settings.optimisation)
    # Keeps the newest checkpoint under one name; `save_last` needs a best one beside it.
    keeper = ModelCheckpoint(dirpath=folder, filename="last", enable_version_counter=False)
    with quiet_libraries():
        trainer = L.Trainer(
            max_steps=settings.max_steps,
            max_epochs=1,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            logger=run_logger,
            callbacks=[keeper, TrainingProgress(), *([Curves()] if run_logger else [])],
            enable_model_summary=False,
            plugins=[WholeCheckpoints(), *environment()],
            **{"devices": 1, **settings.trainer},
        )
    with one_thread():
        train(module, trainer, loader, seed=seed, resume_from=resume_from)
    return transformer.eval(), loader


def _first_weights(
    settings: Pretraining, moments: dict[str, tuple[torch.Tensor, torch.Tensor]]
) -> SphericalTransformer:
    """Return random weights, or those of a file, with standardised statistics."""
    if settings.started_from is None:
        transformer = SphericalTransformer(
            **settings.sizes, interventional=settings.interventional
        )
        standardise_by(transformer, moments)
        return transformer
    transformer = read_pretrained(settings.started_from).transformer
    if settings.interventional and not transformer.interventional:
        transformer = extended(transformer)
        standardise_by(transformer, moments, interventions_alone=True)
    return transformer.train()


def _judge_held_out(transformer: SphericalTransformer, loader: ExampleModule) -> dict[str, float]:
    seen: dict[str, list[tuple[float, float]]] = {}
    batch: Batch
    with torch.no_grad(), one_thread():
        for batch in loader.val_dataloader():
            seen.setdefault(batch.kind, []).extend(judge(transformer(batch.inputs), batch))
    return mean_over_networks(seen)
