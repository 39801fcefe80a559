"""The prior-guided regime, which ranks the edges of a known network first."""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from omegaconf import DictConfig

from grn.data.datasets.resources import find_prior, prior_names
from grn.edges.matrix import adjacency, edge_table
from grn.edges.motifs import read_motifs
from grn.edges.read import read_truth
from grn.errors import InputError
from grn.evaluation.scores import Scores
from grn.files import is_file
from grn.names.regulators import hint
from grn.names.species import detect_species
from grn.names.symbols import EXACT, match_names

logger = logging.getLogger(__name__)

# In units of the root mean square of the scores, large enough to rank edges of the prior first;
# among them the cells decide. With 2 or 4 the result was worse than the prior alone (mDC,
# Non-Specific ChIP for STRING; docs/experiments.md).
_STRENGTH = 8.0
# A motif multiplies the score of its pair by up to e. On motifs of known structure, 0.5 is as good
# (docs/experiments.md).
_MOTIF_STRENGTH = 1.0


def read_prior(
    prior: str | Path | pd.DataFrame,
    genes: Collection[str],
    *,
    species: str | None = None,
    aliases: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Read known edges or motifs by name or from a file, in the names of the genes at hand.

    Parameters
    ----------
    prior
        `collectri`, `dorothea` or `trrust`, fetched earlier with `grn data fetch`; a table of
        known edges (`grn.edges.read.read_truth`); or one of motifs (`grn.edges.motifs`).
    genes
        Names of the genes; edges of others are left out.
    species
        `human` or `mouse`, which a named prior is taken for; None or another: that of the genes.
    aliases
        Other names of genes, for `grn.names.symbols.match_names`.

    Returns
    -------
    `source, target` and, where it is known, `sign`; of motifs `importance`.

    Raises
    ------
    InputError
        A named prior was not fetched, a file cannot be read, or none of its edges is among the
        genes.
    """
    source = prior
    if isinstance(prior, str) and prior in prior_names() and not is_file(prior):
        source = _find_by_name(prior, genes, species)
    elif not isinstance(prior, pd.DataFrame) and not is_file(prior):
        msg = (
            f"no prior at {prior}. Give a table of known edges or of motifs, or one of "
            f"{', '.join(prior_names())}."
        )
        raise InputError(msg)
    motifs = read_motifs(source)
    edges = read_truth(source) if motifs is None else motifs
    return _in_names_of(edges, genes, aliases)


def named_prior(
    config: DictConfig,
    prior: str | Path | pd.DataFrame | None,
    genes: Collection[str],
    tfs: object,
    aliases: Mapping[str, str] | None,
) -> pd.DataFrame | None:
    """Read the prior of a Python call and note in the configuration that there is one.

    Parameters
    ----------
    config
        Gets the name or path as `prior`, or `table`.
    prior, genes, aliases
        As in `read_prior`; a prior of None is none.
    tfs
        Regulators as they were asked for: `human` and `mouse` say of which species a prior is.

    Raises
    ------
    InputError
        As `read_prior`.
    """
    if prior is None:
        return None
    config.prior = "table" if isinstance(prior, pd.DataFrame) else str(prior)
    species = tfs if isinstance(tfs, str) else None
    return read_prior(prior, genes, species=species, aliases=aliases)


def add_prior(
    scores: Float[torch.Tensor, "n_genes n_tfs"],
    prior: pd.DataFrame,
    tfs: Sequence[str],
    genes: Sequence[str],
) -> Float[torch.Tensor, "n_genes n_tfs"]:
    r"""Raise the scores of the prior's edges, and give them the prior's signs.

    Known edges are raised by eight times the root mean square of all scores, so that they rank
    first and the cells decide among them. An edge whose sign the prior knows gets that sign,
    another keeps the one found in the cells.

    Motifs are no known edges: with :math:`m_{ij} \in [0, 1]` for TF j and gene i, scores are
    multiplied by :math:`\exp(m_{ij} - \bar m_j)`. Since the mean over the genes is taken off, a TF
    gains nothing from having its motif everywhere.

    Parameters
    ----------
    scores
        s of the gene network; rows are targets and columns are regulators.
    prior
        Known edges, as `grn.edges.read.read_truth` returns them, or motifs, as `grn.edges.motifs`
        does; in the names of `genes` (`read_prior`). Edges of other genes are ignored.
    tfs, genes
        Names of the columns and rows.

    Raises
    ------
    InputError
        No edge of the prior is among the regulators and genes.
    """
    known = prior[prior["source"].isin(list(tfs)) & prior["target"].isin(list(genes))]
    if known.empty:
        msg = f"No edge of the prior is among the genes. {hint(prior['source'].unique(), tfs)}"
        raise InputError(msg)
    logger.info("%d edges of the prior are among the regulators and genes", len(known))
    alone = prior_alone(known, tfs, genes)
    raised = torch.from_numpy(alone.importance.T)
    if "importance" in known:
        return scores * torch.exp(_MOTIF_STRENGTH * raised)
    sign = torch.where(scores < 0, -1.0, 1.0)
    if alone.weight is not None:
        given = torch.from_numpy(alone.weight.T)
        sign = torch.where(given == 0, sign, given)
    return sign * (scores.abs() + _STRENGTH * scores.square().mean().sqrt() * raised)


def prior_alone(prior: pd.DataFrame, tfs: Sequence[str], genes: Sequence[str]) -> Scores:
    """Score pairs by the prior without cells, as the baseline of a prior-guided result.

    Edges of known networks are 1 and other pairs 0; the weight is the sign, where there are any.
    Motifs are centred over the genes of each TF, self-pairs left out.
    """
    if "importance" in prior:
        motifs = adjacency(prior, tfs, genes, "importance")
        motifs /= max(motifs.max(), 1e-12)
        pairs = np.asarray(tfs, object)[:, None] != np.asarray(genes, object)
        mean = motifs.sum(axis=1, keepdims=True) / pairs.sum(axis=1, keepdims=True)
        return Scores(None, np.where(pairs, motifs - mean, 0).astype(np.float32))
    importance = (adjacency(prior.assign(known=1), tfs, genes, "known") == 1).astype(np.float32)
    if "sign" not in prior or not prior["sign"].any():
        return Scores(None, importance)
    return Scores(adjacency(prior, tfs, genes, "sign").astype(np.float32), importance)


def prior_edges(prior: pd.DataFrame, tfs: Sequence[str], genes: Sequence[str]) -> pd.DataFrame:
    """Return the table of all pairs that is scored as *prior alone*, for `grn.evaluate`."""
    weight, importance = prior_alone(prior, tfs, genes)
    return edge_table(importance if weight is None else weight, importance, tfs, genes)


def _find_by_name(name: str, genes: Collection[str], species: str | None) -> Path:
    """Choose the file of a named prior by the species of the cells, and say which it is."""
    found = detect_species(genes)
    asked = species in ("human", "mouse")
    path, taken = find_prior(name, species if asked else found.name)
    because = f"--tfs {species}" if asked else f"the names of the genes: {found.evidence}"
    of_cells = species if asked else found.name
    if of_cells is None:
        logger.warning(
            "prior %s: the names of the genes do not say their species, %s is taken. --tfs mouse "
            "or --tfs human says it.",
            *(name, taken),
        )
    elif of_cells != taken:
        logger.warning(
            "prior %s has no edges of %s, only of %s: names that are the same but for case are "
            "taken for the same gene. A table of orthologues says it better: --aliases FILE.",
            *(name, of_cells, taken),
        )
    logger.info("prior %s: edges of %s (%s), %s", name, taken, because, path)
    return path


def _in_names_of(
    edges: pd.DataFrame, genes: Collection[str], aliases: Mapping[str, str] | None
) -> pd.DataFrame:
    """Rename the genes of a prior to those at hand, and leave out edges of others."""
    names = dict.fromkeys([*edges["source"], *edges["target"]])
    match = match_names(names, genes, aliases)
    renamed = {role: edges[role].map(match.matched) for role in ("source", "target")}
    kept = edges.assign(**renamed).dropna(subset=["source", "target"]).reset_index(drop=True)
    if kept.empty:
        msg = f"No edge of the prior is among the genes. {hint(names, genes)}"
        raise InputError(msg)
    logger.info("%d of %d edges of the prior are among the genes", len(kept), len(edges))
    if set(match.by) - {EXACT}:
        logger.info("genes of the prior, in the names of the cells: %s", match.summary())
    return kept
