"""The supervised regime: known edges train a bias on the scores of the gene network."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import lightning as L
import numpy as np
import torch
from hydra.utils import instantiate
from jaxtyping import Float, Int
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.utils.data import DataLoader, SequentialSampler

from grn.data.datamodule import Later
from grn.data.dataset import CellDataset
from grn.errors import InputError
from grn.evaluation.metrics import auprc
from grn.evaluation.scores import Scores
from grn.inference.infer import infer_network, sample_rows
from grn.model.pretrained import GeneNetwork
from grn.model.profiles import gene_profiles
from grn.supervised.lessons import LaidOut, lay_out, make_lessons
from grn.supervised.pair_bias import PairBias, pair_features
from grn.supervised.splits import Split
from grn.training.fit import fit_aside
from grn.training.module import OptimizerFactory, TrainedModule
from grn.training.schedules import Schedule, configured_schedule

if TYPE_CHECKING:
    from anndata import AnnData


class KnownEdges(nn.Module):
    """Objective that separates hidden training edges from false pairs by their scores.

    Parameters
    ----------
    n_lessons
        Number of choices of hidden edges, which are used in turn.
    negatives_per_positive
        Number of false pairs per hidden edge, drawn anew in every step.

    Raises
    ------
    InputError
        One of them is below 1; `n_lessons` below 2.
    """

    needs_split: ClassVar[bool] = True
    """Whether training uses known edges, so that a run needs a split."""

    def __init__(self, *, n_lessons: int, negatives_per_positive: int) -> None:
        super().__init__()
        if n_lessons < 2 or negatives_per_positive < 1:
            msg = (
                f"got n_lessons={n_lessons}, negatives_per_positive={negatives_per_positive}; "
                "expected at least 2 and 1."
            )
            raise InputError(msg)
        self.n_lessons = n_lessons
        self.negatives_per_positive = negatives_per_positive

    def forward(
        self, true: Float[Tensor, " n_positives"], false: Float[Tensor, " n_negatives"]
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy, where a score is the log odds of an edge."""
        losses = torch.cat([nn.functional.softplus(-true), nn.functional.softplus(false)])
        return losses.mean()


class SupervisedModule(TrainedModule):
    r"""Trains $|s_{ij}| / \mathrm{rms}(s) + b_{ij}$ to be the log odds of an edge j→i.

    s are the scores of the gene network, which the pretrained transformer found without any known
    edge. The bias is a function of the known edges around a pair (`grn.supervised.pair_bias`), so
    that it generalises to unseen pairs. A lesson hides some known edges, which have to be
    predicted. The final bias is computed from all edges of the training part.

    Parameters
    ----------
    scores
        s; rows are targets and columns are regulators.
    tokens
        Profiles of the genes, at unit length.
    objective
        The loss.
    laid_out
        Training and validation parts.
    optimizer, origin, schedule
        As in `TrainedModule`.
    """

    def __init__(
        self,
        scores: Float[Tensor, "n_genes n_tfs"],
        tokens: Float[Tensor, "n_genes n_axes"],
        objective: KnownEdges,
        laid_out: LaidOut,
        optimizer: OptimizerFactory,
        origin: dict[str, Any],
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(optimizer, {**origin, "regime": "supervised"}, schedule)
        self.objective = objective
        self._asked = laid_out.asked
        self._answers = laid_out.answers[laid_out.asked]
        tf_index = torch.from_numpy(laid_out.tf_index)
        strength = scores.abs().T.contiguous()
        # Not trained: the same in every step.
        self._strength = strength / strength.square().mean().sqrt().clamp_min(1e-12)
        resemblance = _resemblance(tokens, tf_index)

        def describe(known: np.ndarray) -> Float[Tensor, "n_tfs n_genes features"]:
            return pair_features(torch.from_numpy(known), tf_index, resemblance, self._strength)

        self._features = describe(laid_out.known)
        self._lessons = [
            (
                describe(lesson.visible).flatten(0, 1),
                torch.from_numpy(lesson.positives),
                torch.from_numpy(lesson.negatives),
            )
            for lesson in make_lessons(laid_out, objective.n_lessons, origin["settings"]["seed"])
        ]
        start = -float(np.log(objective.negatives_per_positive))
        self.pair_bias = PairBias(self._features, start)

    def training_step(self, step: int, _: int) -> Float[Tensor, ""]:
        """Return the loss of one lesson; false pairs are drawn by the global generator."""
        features, positives, negatives = self._lessons[step % len(self._lessons)]
        n_drawn = min(len(negatives), self.objective.negatives_per_positive * len(positives))
        drawn = negatives[torch.randint(len(negatives), (n_drawn,))]
        pairs = torch.cat([positives, drawn])
        strength = self._strength.flatten()[pairs].to(self.device)
        scores = strength + self.pair_bias(features[pairs].to(self.device))
        loss: Tensor = self.objective(scores[: len(positives)], scores[len(positives) :])
        self.log("train/loss", loss, batch_size=len(pairs))
        return loss

    def validation_step(self, _: int, __: int) -> None:
        """Rank the validation pairs; the step with the least 1 − AUPRC is kept."""
        log_odds = self.log_odds()[self._asked]
        self.check_finite(float(np.abs(log_odds).max()), "the largest log odds of an edge")
        found = auprc(log_odds, self._answers)
        self.log_dict({"val/loss": 1 - found, "val/auprc": found}, batch_size=1)

    def log_odds(self) -> Float[np.ndarray, "n_tfs n_genes"]:
        """Return the log odds of every edge, given all training edges."""
        with torch.no_grad():
            bias: Tensor = self.pair_bias(self._features.to(self.device)).cpu()
        return (self._strength + bias).numpy()


class StepNumbers(L.LightningDataModule):
    """The numbers of the optimisation steps, and one validation."""

    def __init__(self, max_steps: int) -> None:
        super().__init__()
        self._max_steps = max_steps
        self.first_step = 0
        """Number of steps that are done already."""

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the numbers of the remaining steps."""
        steps = range(self._max_steps)
        sampler = Later(SequentialSampler(steps), self.first_step)
        return DataLoader(steps, batch_size=None, sampler=sampler)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[Any]:
        """Return one number, since all validation pairs are evaluated at once."""
        return DataLoader(range(1), batch_size=None)  # type: ignore[arg-type]


def build_supervised(
    config: DictConfig,
    cells: CellDataset,
    tfs: Sequence[str],
    split: Split,
    network: GeneNetwork,
    origin: dict[str, Any],
) -> SupervisedModule:
    """Build the untrained module; of the split only training and validation parts are kept.

    Parameters
    ----------
    config
        As composed with `objective=supervised`.
    cells, tfs
        As in `grn.inference.infer.infer_network`.
    split
        Known edges; those of genes that the cells lack are left out.
    network
        Network that the pretrained transformer found in the cells.
    origin
        As in `TrainedModule`.

    Raises
    ------
    InputError
        A setting is out of its range, or no training or validation edge is among the genes.
    """
    laid_out = lay_out(split, list(tfs), cells.genes)
    if not (laid_out.known.any() and laid_out.answers.any()):
        msg = (
            f"got {laid_out.known.sum()} training and {laid_out.answers.sum()} validation edges "
            "among the regulators and genes of the cells; expected some of each. Check the names."
        )
        raise InputError(msg)
    profiles = gene_profiles(cells.rows(sample_rows(config, np.arange(len(cells)))))
    # The pair bias is initialised at random; the seed is set again before training.
    torch.manual_seed(config.seed)
    return SupervisedModule(
        network.scores,
        profiles.tokens(config.model.predictor.n_axes),
        instantiate(config.objective)(),
        laid_out,
        optimizer=instantiate(config.optimizer),
        origin=origin,
        schedule=configured_schedule(config),
    )


def fit_supervised(
    config: DictConfig,
    adata: "AnnData",
    tfs: Sequence[str],
    split: Split,
    *,
    left_out: str | None = None,
) -> Scores:
    """Train on the training part of a split and score every pair.

    The test part is not used; the validation part selects the best step.

    Parameters
    ----------
    config
        As composed from conf/train.yaml with `objective=supervised`; nothing is written.
    adata
        Preprocessed cells.
    tfs
        Regulators, in the order of the genes.
    split
        Known edges; those of genes that the cells lack are left out.
    left_out
        As in `grn.inference.infer.infer_network`.

    Returns
    -------
    Log odds of an edge, without signs; `grn.evaluation.TruthScorer` matches them to the split.

    Raises
    ------
    InputError
        A setting is out of its range, or no training or validation edge is among the genes.
    """
    cells = CellDataset(adata)
    network = infer_network(config, cells, tfs, left_out=left_out)
    origin = {"settings": {"seed": config.seed}}
    module = build_supervised(config, cells, tfs, split, network, origin)
    fit_aside(module, config, StepNumbers(config.trainer.max_steps))
    return Scores(None, module.log_odds())


def _resemblance(
    tokens: Float[Tensor, "n_genes n_axes"], tf_index: Int[Tensor, " n_tfs"]
) -> Float[Tensor, "n_genes n_genes"]:
    """Return the weight of each gene among those that another gene clearly resembles.

    Two genes clearly resemble each other if the cosine of their profiles is above the root mean
    square of a gene's cosines with regulators.
    """
    cosines = tokens @ tokens.T
    cosines.fill_diagonal_(0)
    typical = cosines[:, tf_index].square().mean().sqrt().clamp_min(1e-12)
    clear = (cosines / typical - 1).clamp_min(0)
    return clear / clear.sum(dim=1, keepdim=True).clamp_min(1e-9)
