"""Real cells with known networks: what decides how much is believed of the transformer."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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
from grn.edges.matrix import locate
from grn.edges.read import read_truth
from grn.errors import InputError
from grn.evaluation import candidates
from grn.evaluation.metrics import auprc
from grn.model.background import alike_beyond_background
from grn.model.blend import N_PARAMETERS
from grn.model.pretrained import apply_transformer
from grn.model.transformer import SphericalTransformer
from grn.simulation.curriculum import KINDS, Sample, draw_samples

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

logger = logging.getLogger(__name__)

_PANELS = (30, 40, 60, 120, 250)  # random genes of a real set, each drawn so often
_DRAWS = 2
_FEWEST_TFS, _FEWEST_EDGES = 3, 5
_N_SIMULATED = 24  # networks of every kind
_MOST_PAIRS = 4000
_INVERSE_DECAY = 10.0  # keeps parameters finite where the classes can be told apart without error
_MOST_STEPS = 5000


@dataclass(frozen=True)
class RealNetwork:
    """Cells and a network that is known of them."""

    study: str
    roots: Float[np.ndarray, "n_cells n_genes"]
    """√ of the expression."""
    tf_index: Int[np.ndarray, " n_tfs"]
    regulates: Bool[np.ndarray, "n_genes n_tfs"]
    is_candidate: Bool[np.ndarray, "n_genes n_tfs"]
    """By BEELINE's rule (`grn.evaluation.candidates`)."""

    @classmethod
    def of(
        cls, study: str, adata: "AnnData", tfs: Sequence[str], truth: "pd.DataFrame"
    ) -> "RealNetwork":
        """Lay out preprocessed cells and their truth."""
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
        """Return so many random genes of it; None where too little is left to learn from."""
        if n_genes >= self.roots.shape[1]:
            return None
        genes = np.sort(rng.choice(self.roots.shape[1], n_genes, replace=False))
        kept = np.isin(self.tf_index, genes)
        # The number of judged TFs must do too: a panel judges only what its genes can show.
        pairs = np.ix_(genes, kept)
        regulates, is_candidate = self.regulates[pairs], self.is_candidate[pairs]
        if kept.sum() < _FEWEST_TFS or regulates.sum() < _FEWEST_EDGES:
            return None
        tf_index = np.searchsorted(genes, self.tf_index[kept])
        roots = self.roots[:, genes]
        return RealNetwork(self.study, roots, tf_index, regulates, is_candidate)


@dataclass(frozen=True)
class _Judged:
    """What transformer and closed form say of the candidate pairs of one network."""

    group: str
    """Study, or kind of simulated networks: groups count alike."""
    is_real: bool
    summary: Float[np.ndarray, " summary"]
    """Of the cells (`SphericalTransformer.summarise`)."""
    gain: float
    """How much the closed form ranks better: difference of the logarithms of the AUPRC."""
    beyond_background: Float[np.ndarray, " n_pairs"]
    regulates: Bool[np.ndarray, " n_pairs"]


def load_networks(names: Sequence[str]) -> list[RealNetwork]:
    """Read real cells and a known network of each.

    Parameters
    ----------
    names
        As `collection/name/network`, such as `beeline/mDC/STRING`.

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

    g is fitted as the probability that the closed form ranks better, every network weighted by
    how much better or worse it does (the difference of the log AUPRC), by logistic regression; a
    and b turn the closed form into log-odds, by logistic regression on real cells. Studies and
    kinds of simulated networks count alike. Real sets come whole and as random panels of 30 to
    250 genes, so that g is right for panels too.

    Parameters
    ----------
    transformer
        Trained.
    real
        Real cells with known networks; without any, nothing of the closed form is believed.
    seed
        Of panels, pairs and simulated networks.

    Returns
    -------
    The parameters, and those fitted without each study, by its name.
    """
    if not real:
        return _fit([]), {}
    rng = np.random.default_rng([seed, 1])
    judged = [_judge(transformer, one, rng) for one in _with_panels(real, rng)]
    for kind in KINDS:
        # Of a seed of their own: the transformer was not trained on them.
        samples = draw_samples(kind, _N_SIMULATED, seed + 1, -1)
        judged += [_judge(transformer, _as_network(sample), rng) for sample in samples]
    studies = sorted({one.study for one in real})
    logger.info("fitting the blend to %d networks of %d studies", len(judged), len(studies))
    left_out = {study: _fit([one for one in judged if one.group != study]) for study in studies}
    return _fit(judged), left_out


def _with_panels(real: Iterable[RealNetwork], rng: np.random.Generator) -> Iterator[RealNetwork]:
    for one in real:
        yield one
        for n_genes in _PANELS:
            for _ in range(_DRAWS):
                if (panel := one.panel(n_genes, rng)) is not None:
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
    pairs = rng.permutation(np.flatnonzero(network.is_candidate))[:_MOST_PAIRS]
    alike = alike_beyond_background(roots, tf_index, statistics.profiles)
    beyond = alike.beyond_background.numpy().ravel()[pairs]
    log_odds, regulates = found.log_odds.numpy().ravel()[pairs], network.regulates.ravel()[pairs]
    gain = 0.0
    if regulates.any():
        gain = float(np.log(auprc(beyond, regulates) / auprc(log_odds, regulates)))
    summary = transformer.summarise(statistics.of_genes, statistics.of_cells).numpy()
    is_real = network.study not in KINDS
    return _Judged(network.study, is_real, summary, gain, beyond, regulates)


def _fit(judged: Sequence[_Judged]) -> Tensor:
    """Return w, w₀, a and b, in the order of `Blend`; without a real set, a share of 0."""
    real = [one for one in judged if one.is_real]
    if not real:
        nothing = torch.zeros(N_PARAMETERS)
        nothing[-3], nothing[-2] = -20.0, 1.0
        return nothing
    groups = [one.group for one in judged]
    share = {group: 1 / groups.count(group) for group in groups}
    weights = np.array([share[one.group] * abs(one.gain) for one in judged])
    # Two networks of which nothing is known, one of each outcome: both outcomes are always there.
    summaries = np.stack([one.summary for one in judged] + 2 * [np.zeros_like(real[0].summary)])
    wins = [one.gain > 0 for one in judged] + [False, True]
    better = LogisticRegression(C=_INVERSE_DECAY, max_iter=_MOST_STEPS)
    mean = float(weights.mean()) or 1.0
    better.fit(summaries, wins, np.append(weights / mean, [1.0, 1.0]))
    z = np.concatenate([one.beyond_background for one in real])
    regulates = np.concatenate([one.regulates for one in real])
    sizes = [len(one.regulates) for one in real]
    per_pair = np.repeat([share[one.group] / len(one.regulates) for one in real], sizes)
    odds = LogisticRegression(C=_INVERSE_DECAY, max_iter=_MOST_STEPS)
    odds.fit(z[:, None], regulates, per_pair / per_pair.mean())
    fitted = [*better.coef_[0], better.intercept_[0], odds.coef_[0, 0], odds.intercept_[0]]
    return torch.tensor(fitted, dtype=torch.float32)
