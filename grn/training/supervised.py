"""The supervised regime: the scores of attention are trained on known edges."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import lightning as L
import numpy as np
import torch
from hydra.utils import instantiate
from jaxtyping import Float
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn
from torch.utils.data import DataLoader

from grn.data.dataset import CellDataset
from grn.errors import InputError
from grn.evaluation.controls import Scores
from grn.evaluation.metrics import auprc
from grn.evaluation.splits import Split
from grn.model.attention import SphericalAttention, scores_of
from grn.model.pair_bias import PairBias, pair_features
from grn.model.transformer import SphericalTransformer
from grn.readout import read_attention, score_pairs
from grn.training.fit import build_network, fit_aside
from grn.training.lessons import LaidOut, lay_out, make_lessons
from grn.training.module import NetworkModule, OptimizerFactory

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)


class KnownEdges(nn.Module):
    """Tell hidden training edges from false pairs, by their scores.

    Parameters
    ----------
    n_lessons
        Choices of edges to hide, visited in turn.
    negatives_per_positive
        False pairs of a minibatch, drawn anew in every step.

    Raises
    ------
    InputError
        One of them is below 1; `n_lessons` below 2.
    """

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
        """Mean cross-entropy, a score being the log odds of an edge."""
        losses = torch.cat([nn.functional.softplus(-true), nn.functional.softplus(false)])
        return losses.mean()


class SupervisedModule(NetworkModule):
    r"""Trains $s_{ij} = q_i \cdot k_j + b_{ij}$ to be the log odds of an edge j→i.

    The pair bias is a function of the known edges around a pair (`grn.model.pair_bias`), so that
    it says something of pairs never seen. A lesson hides some known edges and asks for them. All
    edges of the training part are told in the end.

    Parameters
    ----------
    network, optimizer, names, settings
        As `NetworkModule` takes them.
    objective
        Compares.
    laid_out
        Training and validation parts.
    """

    def __init__(
        self,
        network: SphericalTransformer,
        objective: KnownEdges,
        optimizer: OptimizerFactory,
        names: dict[str, list[str]],
        settings: dict[str, Any],
        laid_out: LaidOut,
    ) -> None:
        super().__init__(network, optimizer, names, settings)
        self.objective = objective
        self._asked = laid_out.asked
        self._answers = laid_out.answers[laid_out.asked]
        attention = network.attention
        # A few thousand edges say nothing of every single pair.
        attention.bias.requires_grad_(False)
        # q·k does not learn: the products of all pairs are the same in every step.
        with torch.no_grad():
            self._products = attention.scores().T.contiguous()
        # Before any training, hence from expression alone.
        resemblance = _resemblance(attention)
        _, importance = score_pairs(read_attention(network), laid_out.tf_index)

        def describe(known: np.ndarray) -> Float[Tensor, "n_tfs n_genes features"]:
            return pair_features(
                torch.from_numpy(known),
                attention.tf_index,
                resemblance,
                torch.from_numpy(importance),
            )

        self._features = describe(laid_out.known)
        lessons = make_lessons(laid_out, objective.n_lessons, settings["seed"])
        self._lessons = [
            (
                describe(lesson.visible).flatten(0, 1),
                torch.from_numpy(lesson.positives),
                torch.from_numpy(lesson.negatives),
            )
            for lesson in lessons
        ]
        start = -float(np.log(objective.negatives_per_positive))
        self.pair_bias = PairBias(self._features, start)

    def training_step(self, step: int, _: int) -> Float[Tensor, ""]:
        """Ask for the hidden edges of one lesson, among false pairs drawn from the global RNG."""
        features, positives, negatives = self._lessons[step % len(self._lessons)]
        n_drawn = min(len(negatives), self.objective.negatives_per_positive * len(positives))
        drawn = negatives[torch.randint(len(negatives), (n_drawn,))]
        pairs = torch.cat([positives, drawn])
        products = self._products.flatten()[pairs].to(self.device)
        scores = products + self.pair_bias(features[pairs].to(self.device))
        loss: Tensor = self.objective(scores[: len(positives)], scores[len(positives) :])
        self.log("train/loss", loss, batch_size=len(pairs))
        return loss

    def validation_step(self, _: int, __: int) -> None:
        """Rank the validation pairs; what is kept is the least 1 − AUPRC."""
        scores = self._products + self._told()
        found = auprc(scores.numpy()[self._asked], self._answers)
        self.log_dict({"val/loss": 1 - found, "val/auprc": found}, batch_size=1)

    def origin(self) -> dict[str, Any]:
        """Say beside names and settings that known edges trained this network."""
        return {**super().origin(), "regime": "supervised"}

    def tell_everything(self) -> None:
        """Write the bias that follows from all training edges into the attention layer."""
        attention = self.network.attention
        with torch.no_grad():
            attention.bias[0] = self._told().T.to(attention.bias.device)

    def _told(self) -> Float[Tensor, "n_tfs n_genes"]:
        with torch.no_grad():
            bias: Tensor = self.pair_bias(self._features.to(self.device)).cpu()
        return bias


class Lessons(L.LightningDataModule):
    """The numbers of the optimisation steps, and one validation."""

    def __init__(self, max_steps: int) -> None:
        super().__init__()
        self._max_steps = max_steps

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the numbers of the steps."""
        return DataLoader(range(self._max_steps), batch_size=None)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[Any]:
        """Return one number: all validation pairs are asked for at once."""
        return DataLoader(range(1), batch_size=None)  # type: ignore[arg-type]


def build_supervised(
    config: DictConfig, cells: CellDataset, tfs: Sequence[str], split: Split
) -> SupervisedModule:
    """Build the untrained module; of the split only training and validation parts are kept.

    Parameters
    ----------
    config
        As composed with `objective=supervised`.
    cells, tfs
        As in `grn.training.fit.build_module`.
    split
        Known edges; those of genes that the cells lack are left out.

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
    network, _ = build_network(config, cells, tfs)
    return SupervisedModule(
        network=network,
        objective=instantiate(config.objective)(),
        optimizer=instantiate(config.optimizer),
        names={"genes": cells.genes, "tfs": list(tfs)},
        settings={"model": OmegaConf.to_container(config.model), "seed": config.seed},
        laid_out=laid_out,
    )


def fit_supervised(
    config: DictConfig, adata: "AnnData", tfs: Sequence[str], split: Split
) -> Scores:
    """Train on the training part of a split and score every pair.

    The test part is not looked at; of the validation part, which step is best.

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

    Returns
    -------
    Log odds of an edge, without signs; `grn.evaluation.TruthScorer` lays them out over the split.

    Raises
    ------
    InputError
        A setting is out of its range, or no training or validation edge is among the genes.
    """
    cells = CellDataset(adata)
    module = build_supervised(config, cells, tfs, split)
    fit_aside(module, config, Lessons(config.trainer.max_steps))
    module.tell_everything()
    return Scores(None, read_attention(module.network).scores)


def _resemblance(attention: SphericalAttention) -> Float[Tensor, "n_genes n_genes"]:
    """Share of each gene in all that another one clearly attends to, before any training.

    Clearly: by a score above the root mean square of its scores with regulators, which is 1.
    """
    with torch.no_grad():
        every_gene = torch.arange(len(attention.tokens))
        scores = scores_of(attention.profile_map(every_gene))[0]
        clear = (scores - 1).clamp_min(0)
        return clear / clear.sum(dim=1, keepdim=True).clamp_min(1e-9)
