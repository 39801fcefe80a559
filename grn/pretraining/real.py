"""Fits the blend of transformer and closed form to real cells with known networks."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from grn.data.datasets.catalogue import study_of
from grn.data.datasets.load import load_dataset
from grn.data.preprocessing.prepare import prepare
from grn.data.preprocessing.preprocess import preprocess
from grn.data.preprocessing.steps import enough_cells
from grn.edges.matrix import locate
from grn.edges.read import read_truth
from grn.errors import InputError
from grn.evaluation import candidates
from grn.evaluation.metrics import auprc
from grn.model.background import alike_beyond_background
from grn.model.blend import N_PARAMETERS, N_VOTES, evidence, standardised
from grn.model.pretrained import apply_transformer
from grn.model.summary import summarise
from grn.model.transformer import SphericalTransformer
from grn.pretraining.share import SHARES, fit_share
from grn.simulation.curriculum import KINDS, Sample, draw_samples, log_normalised
from grn.simulation.random_counts import draw_log_uniform

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

logger = logging.getLogger(__name__)

# Sizes of random panels of genes of a real set, whole and thinned. Panels are as small as
# simulated networks, so that size does not identify real cells. The sizes were not measured.
_PANELS = (30, 40, 60, 120, 250)
# Real sets are also thinned to so many counts per cell of their genes, twice each, since shallow
# sequencing alone makes real cells look like simulated ones (docs/experiments.md).
_DEPTHS = (20.0, 2000.0)
_DRAWS = 2
_FEWEST_TFS, _FEWEST_EDGES = 3, 5  # of a panel; over fewer edges an AUPRC is mostly chance
_N_SIMULATED = 120  # number per kind (docs/experiments.md)
_MOST_PAIRS = 4000  # pairs of a network in the fit of the two parameters a and b of the odds
_INVERSE_DECAY = 10.0  # keeps parameters finite if the classes can be separated perfectly
_MOST_STEPS = 5000  # never reached: the loss is a smooth function of two parameters
_WEIGHT_OF_PANELS = 0.1  # of a study, relative to 1 for its whole sets (docs/experiments.md)


@dataclass(frozen=True)
class RealNetwork:
    """Cells with a known network."""

    study: str
    roots: Float[np.ndarray, "n_cells n_genes"]
    """√ of the expression."""
    tf_index: Int[np.ndarray, " n_tfs"]
    regulates: Bool[np.ndarray, "n_genes n_tfs"]
    is_candidate: Bool[np.ndarray, "n_genes n_tfs"]
    """Candidate pairs by BEELINE's rule (`grn.evaluation.candidates`)."""
    is_panel: bool = False
    """Whether it holds only some genes of a set."""

    @classmethod
    def of(
        cls, study: str, adata: "AnnData", tfs: Sequence[str], truth: "pd.DataFrame"
    ) -> "RealNetwork":
        """Arrange preprocessed cells and their truth as matrices."""
        genes = adata.var_names
        judged = candidates(truth)
        rows = genes.get_indexer([g for g in judged.genes if g in genes])
        tf_at = {tf: column for column, tf in enumerate(tfs)}
        columns = [tf_at[tf] for tf in judged.tfs if tf in tf_at]
        tf_index = locate(tfs, genes)
        shape = (len(genes), len(tf_at))
        is_candidate, regulates = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        is_candidate[np.ix_(rows, columns)] = True
        is_candidate[tf_index, np.arange(len(tf_index))] = False
        known = truth[truth["source"].isin(tfs) & truth["target"].isin(genes)]
        regulates[genes.get_indexer(known["target"]), [tf_at[tf] for tf in known["source"]]] = True
        dense = adata.X.toarray() if hasattr(adata.X, "toarray") else np.asarray(adata.X)
        return cls(study, np.sqrt(dense), tf_index, regulates & is_candidate, is_candidate)

    def panel(self, n_genes: int, rng: np.random.Generator) -> "RealNetwork | None":
        """Return a random panel of genes, or None if too few TFs or edges are left."""
        if n_genes >= self.roots.shape[1]:
            return None
        genes = np.sort(rng.choice(self.roots.shape[1], n_genes, replace=False))
        return self._of_genes(genes, is_panel=True)

    def thinned(self, depth: float, rng: np.random.Generator) -> "RealNetwork | None":
        """Return the cells as if sequenced less deeply, or None if too few TFs or edges are left.

        Expression is scaled to a mean of `depth` counts per cell, counts are drawn (Poisson) and
        log-normalised anew, and genes in too few cells are left out, as in any run.
        """
        expression = np.expm1(np.square(self.roots.astype(np.float64)))
        counts = rng.poisson(expression * depth / expression.sum(axis=1).mean())
        roots = np.sqrt(log_normalised(counts)).astype(np.float32)
        genes = np.flatnonzero((counts > 0).sum(axis=0) >= enough_cells(len(counts)))
        return replace(self, roots=roots)._of_genes(genes, is_panel=self.is_panel)

    def _of_genes(
        self, genes: Int[np.ndarray, " n_kept"], *, is_panel: bool
    ) -> "RealNetwork | None":
        kept = np.isin(self.tf_index, genes)
        # Only pairs whose two genes are kept count, so TFs and edges are counted again.
        pairs = np.ix_(genes, kept)
        regulates, is_candidate = self.regulates[pairs], self.is_candidate[pairs]
        if kept.sum() < _FEWEST_TFS or regulates.sum() < _FEWEST_EDGES:
            return None
        tf_index = np.searchsorted(genes, self.tf_index[kept])
        roots = self.roots[:, genes]
        return RealNetwork(self.study, roots, tf_index, regulates, is_candidate, is_panel)


@dataclass(frozen=True)
class _Judged:
    """Scores of transformer and closed form for the candidate pairs of one network."""

    group: str
    """Study, or kind of simulated networks; all groups have the same weight."""
    is_real: bool
    is_panel: bool
    """Whether this is a panel of genes of a set."""
    evidence: Float[np.ndarray, " evidence"]
    """Numbers that the share is a function of (`grn.model.blend`)."""
    reached: Float[np.ndarray, " shares"]
    """Logarithm of the AUPRC of the blend, at every share of `SHARES`; 0 without an edge."""
    beyond_background: Float[np.ndarray, " n_pairs"]
    regulates: Bool[np.ndarray, " n_pairs"]


def load_networks(names: Sequence[str]) -> list[RealNetwork]:
    """Read real cells and a known network of each.

    Parameters
    ----------
    names
        Names of the form `collection/name/network`, such as `beeline/mDC/STRING`.

    Raises
    ------
    InputError
        A name has another form, or there is no such data set.
    """
    found = []
    for name in names:
        if name.count("/") != 2:
            msg = f"real: got {name!r}; expected collection/name/network, as beeline/mDC/STRING."
            raise InputError(msg)
        collection, dataset, network = name.split("/")
        loaded = load_dataset(collection, dataset, network)
        adata, tfs = prepare(loaded.adata, loaded.tfs, preprocess)
        truth = read_truth(loaded.truth)
        study = study_of(f"{collection}/{dataset}") or dataset
        found.append(RealNetwork.of(study, adata, tfs, truth))
    return found


def fit_blend(
    transformer: SphericalTransformer, real: Sequence[RealNetwork], seed: int
) -> tuple[Tensor, dict[str, Tensor]]:
    r"""Fit the parameters of `Blend`, with all studies and without each of them.

    g is fitted so that the blend ranks best (`fit_share`). a and b convert the closed form to
    log-odds, by logistic regression on real cells. Studies and kinds of simulated networks have
    equal weights. Real sets are used whole, thinned to fewer counts, and as random panels of 30 to
    250 genes, so that g is right for shallow sequencing and for panels too; panels of a study
    count less than its other sets.

    Parameters
    ----------
    transformer
        The trained transformer.
    real
        Real cells with known networks; without any, the share of the closed form is 0.
    seed
        Seed of panels, pairs and simulated networks.

    Returns
    -------
    The parameters, and those fitted without each study, by its name.
    """
    if not real:
        return _fit([]), {}
    rng = np.random.default_rng([seed, 1])
    judged = [_judge(transformer, one, rng) for one in _variants(real, rng)]
    for kind in KINDS:
        # Another seed than in training, so that the transformer has not seen these networks.
        samples = draw_samples(kind, _N_SIMULATED, seed + 1, -1)
        judged += [_judge(transformer, _as_network(sample), rng) for sample in samples]
    studies = sorted({one.study for one in real})
    logger.info("fitting the blend to %d networks of %d studies", len(judged), len(studies))
    left_out = {study: _fit([one for one in judged if one.group != study]) for study in studies}
    return _fit(judged), left_out


def _variants(real: Iterable[RealNetwork], rng: np.random.Generator) -> Iterator[RealNetwork]:
    """Yield every set whole and thinned, and random panels of both."""
    for one in real:
        depths = [draw_log_uniform(rng, *_DEPTHS) for _ in range(_DRAWS)]
        thinned = [other for depth in depths if (other := one.thinned(depth, rng)) is not None]
        yield from (one, *thinned)
        for n_genes in _PANELS:
            for whole in (one, *thinned[:1]):
                if (panel := whole.panel(n_genes, rng)) is not None:
                    yield panel


def _as_network(sample: Sample) -> RealNetwork:
    regulates = sample.regulates.T != 0
    n_genes, n_tfs = regulates.shape
    is_candidate = ~np.eye(n_genes, n_tfs, dtype=bool)
    roots = np.sqrt(sample.expression)
    return RealNetwork(sample.kind, roots, np.arange(n_tfs), regulates, is_candidate)


def _judge(
    transformer: SphericalTransformer, network: RealNetwork, rng: np.random.Generator
) -> _Judged:
    roots, tf_index = torch.from_numpy(network.roots), torch.from_numpy(network.tf_index)
    found, statistics = apply_transformer(transformer, roots, tf_index)
    alike = alike_beyond_background(roots, tf_index, statistics.profiles)
    standard = standardised(found).numpy()[network.is_candidate]
    beyond = alike.beyond_background.numpy()[network.is_candidate]
    regulates = network.regulates[network.is_candidate]
    reached = np.zeros(len(SHARES))
    if regulates.any():
        reached[:] = [
            np.log(auprc((1 - share) * standard + share * beyond, regulates)) for share in SHARES
        ]
    summary = summarise(transformer, statistics.of_genes, statistics.of_cells)
    seen = evidence(summary, found, alike)
    is_real = network.study not in KINDS
    some = rng.permutation(len(regulates))[:_MOST_PAIRS]
    return _Judged(
        network.study,
        is_real,
        network.is_panel,
        seen.numpy(),
        reached,
        beyond[some],
        regulates[some],
    )


def _fit(judged: Sequence[_Judged]) -> Tensor:
    """Return the parameters in the order of `Blend`; without real sets, for a share of 0."""
    real = [one for one in judged if one.is_real]
    if not real:
        nothing = torch.zeros(N_PARAMETERS)
        nothing[-2 - N_VOTES : -2], nothing[-2] = -20.0, 1.0
        return nothing
    groups = [one.group for one in judged]
    share = {group: 1 / groups.count(group) for group in groups}
    z = np.concatenate([one.beyond_background for one in real])
    regulates = np.concatenate([one.regulates for one in real])
    sizes = [len(one.regulates) for one in real]
    per_pair = np.repeat([share[one.group] / len(one.regulates) for one in real], sizes)
    odds = LogisticRegression(C=_INVERSE_DECAY, max_iter=_MOST_STEPS)
    odds.fit(z[:, None], regulates, per_pair / per_pair.mean())
    of_share = fit_share(
        np.stack([one.evidence for one in judged]),
        np.stack([one.reached for one in judged]),
        _weights(judged),
    )
    return torch.cat([of_share, torch.tensor([odds.coef_[0, 0], odds.intercept_[0]])]).float()


def _weights(judged: Sequence[_Judged]) -> Float[np.ndarray, " networks"]:
    """Return the weight of every network, the same for every group; their sum is 1."""
    counted = np.zeros(len(judged))
    for group in {one.group for one in judged}:
        for is_panel, weight in ((False, 1.0), (True, _WEIGHT_OF_PANELS)):
            chosen = [one.group == group and one.is_panel == is_panel for one in judged]
            counted[chosen] = weight / max(sum(chosen), 1)
    total: float = counted.sum()
    return counted / total
