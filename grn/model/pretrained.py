"""Applies the transformer that `grn pretrain` trained to cells, and returns their network."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from grn.errors import InputError
from grn.interventions import Interventions
from grn.model.apply import run_transformer
from grn.model.background import alike_beyond_background
from grn.model.blend import Blend, evidence
from grn.model.centring import centre_within
from grn.model.group_moments import GroupMoments
from grn.model.interventional_statistics import InterventionalStatistics
from grn.model.labelled import Labelled
from grn.model.pair_statistics import PairStatistics
from grn.model.summary import summarise
from grn.model.threads import one_thread
from grn.model.transformer import Found, SphericalTransformer

PRETRAINED = Path(__file__).with_name("transformer.pt")
"""Weights written by `grn pretrain`; docs/pretraining.md is their model card."""

INTERVENTIONAL = Path(__file__).with_name("interventional.pt")
"""Weights that also take interventions, written by `grn pretrain stage=interventions`."""

FORMAT = 4
"""Format of the file. Format 1 held the pair encoders of version 0.1; in format 2 the blend used
statistics of the cells alone; in format 3 its share was linear in the evidence."""


@dataclass(frozen=True)
class GeneNetwork:
    """The last attention map over some cells: rows are targets, columns regulators.

    Parameters
    ----------
    scores
        s, before a row is put on the unit sphere: the sign says whether the regulator activates
        or represses, the magnitude is the probability of an edge. 0 on pairs of a gene with
        itself.
    belief
        Origin of the scores, by name: `share_of_closed_form` (the rest is the transformer's) and
        the statistics of the cells that decide it.
    """

    scores: Float[Tensor, "n_genes n_tfs"]
    belief: dict[str, float]

    @property
    def share(self) -> float:
        """Share of the closed form in the scores."""
        return self.belief["share_of_closed_form"]

    def __repr__(self) -> str:
        """Say its size, and how much of it is the closed form."""
        n_genes, n_tfs = self.scores.shape
        share = self.belief.get("share_of_closed_form")
        origin = "" if share is None else f", {100 * share:.0f} % closed form"
        return f"GeneNetwork({n_tfs} regulators × {n_genes} genes{origin})"


@dataclass(frozen=True)
class Pretrained:
    """Contents of a file written by `grn pretrain`."""

    transformer: SphericalTransformer
    blend: Tensor
    """Parameters of `Blend`, fitted to all real networks of the settings."""
    left_out: Mapping[str, Tensor]
    """Parameters fitted without one study, by the name of the study that was left out."""

    def blend_without(self, study: str | None) -> Blend:
        """Return the blend that was fitted without the known networks of a study."""
        return Blend.of(self.blend if study is None else self.left_out.get(study, self.blend))


def find_network(
    roots: Float[Tensor, "n_cells n_genes"],
    tf_index: Int[Tensor, " n_tfs"],
    path: Path = PRETRAINED,
    left_out: str | None = None,
    share: float | None = None,
    batch: Int[Tensor, " n_cells"] | None = None,
    interventions: Interventions | None = None,
    moments: GroupMoments | None = None,
) -> GeneNetwork:
    """Apply the pretrained transformer to some cells.

    Time and memory are linear in the number of genes at a fixed number of regulators: statistics
    and scores of pairs are computed in blocks of targets, and no array has n_genes² elements.

    Parameters
    ----------
    roots
        √ of the expression of some cells, not standardised.
    tf_index
        Column of each regulator.
    path
        File written by `grn pretrain`.
    left_out
        Study whose known networks must not have been used in fitting the blend; None for none.
    share
        Of the closed form, where it is to be that of other cells: permuted genes are compared
        with the real ones. None: what the statistics of these cells say.
    batch
        Number of the batch of every cell: what cells of a batch have in common is taken off
        (`grn.model.centring`). None: all cells are of one batch.
    interventions
        Perturbation of every cell. Only if one of the genes is perturbed in some cell, the
        transformer that takes interventions is applied too. None: perturbations are not known.
    moments
        Of the groups of all cells, where `roots` holds a sample of them; None: of `roots`.

    Raises
    ------
    InputError
        No such file, or one of something else.
    """
    pretrained = read_pretrained(path)
    zeros = (roots <= 0).float().mean(dim=0)
    roots = roots if batch is None else centre_within(roots, batch)
    found, statistics = apply_transformer(pretrained.transformer, roots, tf_index, zeros)
    blend = pretrained.blend_without(left_out)
    of_cells = statistics.of_cells
    labelled = None
    if interventions is not None and interventions.perturbed_genes.size:
        labelled = _with_interventions(roots, statistics, tf_index, interventions, moments)
    alike = alike_beyond_background(roots, tf_index, statistics.profiles)
    if share is None:
        summary = summarise(pretrained.transformer, statistics.of_genes, of_cells)
        share = blend.share(evidence(summary, labelled.told if labelled else found, alike))
    mixed = blend.mix(found, alike, share)
    if labelled is not None:
        mixed = labelled.mix(mixed, share)
    cells = {
        "n_cells": float(roots.shape[0]),
        "n_genes": float(roots.shape[1]),
        "dominance": statistics.profiles.dominance,
        "zeros": float(of_cells[-1]),
    }
    if interventions is not None:
        n_perturbed = float((interventions.group > 0).sum())
        cells |= {
            "n_perturbed_genes": float(interventions.perturbed_genes.size),
            "n_perturbed_cells": n_perturbed,
        }
    belief = {"share_of_closed_form": share, **cells}
    return GeneNetwork(_signed_probability(mixed, tf_index), belief)


def _with_interventions(
    roots: Float[Tensor, "n_cells n_genes"],
    statistics: PairStatistics,
    tf_index: Int[Tensor, " n_tfs"],
    interventions: Interventions,
    moments: GroupMoments | None,
) -> Labelled:
    """Apply the transformer that takes interventions, with the labels and without."""
    transformer = read_pretrained(INTERVENTIONAL).transformer
    labels = InterventionalStatistics(roots, interventions, tf_index, moments)
    no_labels = InterventionalStatistics(roots, None, tf_index)
    told, untold = (
        run_transformer(transformer, tf_index, statistics, changes)
        for changes in (labels, no_labels)
    )
    is_perturbed = torch.zeros(roots.shape[1], dtype=torch.bool)
    is_perturbed[interventions.perturbed_genes] = True
    return Labelled(told, untold, is_perturbed[:, None] | is_perturbed[tf_index])


def untrained_network(
    roots: Float[Tensor, "n_cells n_genes"],
    tf_index: Int[Tensor, " n_tfs"],
    path: Path = PRETRAINED,
    seed: int = 0,
) -> GeneNetwork:
    """Apply a transformer of the same sizes with random weights, as a control without training.

    The statistics are standardised as for the trained one, which uses no known edge; no closed
    form is blended in. Parameters as in `find_network`.
    """
    trained = read_pretrained(path).transformer
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        random = SphericalTransformer(**trained.arguments)
    random.load_state_dict(dict(trained.named_buffers()), strict=False)
    found, _ = apply_transformer(random.eval(), roots, tf_index)
    belief = {"share_of_closed_form": 0.0}
    return GeneNetwork(_signed_probability(found, tf_index), belief)


def apply_transformer(
    transformer: SphericalTransformer,
    roots: Float[Tensor, "n_cells n_genes"],
    tf_index: Int[Tensor, " n_tfs"],
    zeros: Float[Tensor, " n_genes"] | None = None,
) -> tuple[Found, PairStatistics]:
    """Return the output of a transformer for every pair (n_genes, n_tfs), and its statistics.

    Parameters
    ----------
    transformer
        Transformer in evaluation mode.
    roots, tf_index
        As in `find_network`.
    zeros
        As `PairStatistics` takes it.
    """
    statistics = PairStatistics(roots, tf_index, zeros)
    more = [InterventionalStatistics(roots, None, tf_index)] if transformer.interventional else []
    return run_transformer(transformer, tf_index, statistics, *more), statistics


def read_pretrained(path: Path) -> Pretrained:
    """Read a file written by `grn pretrain`.

    Raises
    ------
    InputError
        No such file, one of an earlier version, or one of something else.
    """
    try:
        stored: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        msg = f"no pretrained transformer at {path}. Expected a file written by grn pretrain."
        raise InputError(msg) from error
    except Exception as error:
        raise InputError(_not_ours(path)) from error
    if not isinstance(stored, dict):
        raise InputError(_not_ours(path))
    if "encoders" in stored:
        msg = (
            f"{path} holds pair encoders, as an earlier version of grn pretrain wrote them. "
            "Expected a transformer: run grn pretrain again, or leave the path out to use the "
            "one that comes with the package."
        )
        raise InputError(msg)
    try:
        if stored["format"] != FORMAT:
            raise InputError(_not_ours(path))
        with torch.random.fork_rng(devices=[]):  # leave the caller's random numbers unchanged
            transformer = SphericalTransformer(**stored["sizes"])
        transformer.load_state_dict(stored["transformer"])
        return Pretrained(transformer.eval(), stored["blend"], stored["left_out"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise InputError(_not_ours(path)) from error


def _not_ours(path: Path) -> str:
    return (
        f"{path} is no pretrained transformer of this version. Expected a file written by "
        "grn pretrain."
    )


def _signed_probability(
    found: Found, tf_index: Int[Tensor, " n_tfs"]
) -> Float[Tensor, "n_genes n_tfs"]:
    """Return the probability of every edge with the likelier sign; 0 on self-pairs."""
    with one_thread():
        probability = found.log_odds.sigmoid()
    scores = torch.where(found.sign < 0, -probability, probability)
    scores[tf_index, torch.arange(len(tf_index))] = 0
    return scores
