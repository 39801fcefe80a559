"""Real cells with known networks: what decides how much is believed of the transformer."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from grn.data.library.catalogue import study_of
from grn.data.library.datasets import load_dataset
from grn.data.preprocessing.prepare import prepare
from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from grn.evaluation import candidates
from grn.model.background import Alike, alike_beyond_background
from grn.model.blend import N_PARAMETERS, Blend
from grn.model.pretrained import apply_transformer
from grn.model.transformer import Found, SphericalTransformer
from grn.network import locate, read_truth
from grn.simulation.curriculum import Sample, draw_samples

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

logger = logging.getLogger(__name__)

_PANELS = (30, 40, 60, 120, 250)  # random genes of a real set, each drawn so often
_DRAWS = 2
_FEWEST_TFS, _FEWEST_EDGES = 3, 5
_N_SIMULATED = 24  # networks of every kind
_MOST_PAIRS = 4000
_DECAY = 1e-3  # keeps parameters finite where the classes can be told apart without error
_N_STEPS = 200


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
    of_cells: Float[Tensor, " of_cells"]
    found: Found
    alike: Alike
    regulates: Float[Tensor, " n_pairs"]


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
    """Fit the parameters of `Blend`, with all studies and without each of them.

    The loss is the cross-entropy of the candidate pairs, averaged within a network, within a
    study or a kind of simulated networks, and then over these, with a small decay. Real sets
    come whole and as random panels of 30 to 250 genes, so that g is right for panels too.

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
        nothing = torch.zeros(N_PARAMETERS)
        nothing[-3], nothing[-2] = -20.0, 1.0
        return nothing, {}
    rng = np.random.default_rng([seed, 1])
    judged = [_judge(transformer, one, rng) for one in _with_panels(real, rng)]
    for kind in ("boolean", "large_boolean", "single_cell", "bulk"):
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
    alike = alike_beyond_background(roots, tf_index)
    pairs = np.flatnonzero(network.is_candidate)
    drawn = torch.from_numpy(rng.permutation(pairs)[:_MOST_PAIRS])
    return _Judged(
        network.study,
        transformer.standardise_cells(statistics.of_cells),
        Found(*(matrix.flatten()[drawn] for matrix in found)),
        Alike(*(matrix.flatten()[drawn] for matrix in alike)),
        torch.from_numpy(network.regulates).flatten()[drawn].float(),
    )


def _fit(judged: Sequence[_Judged]) -> Tensor:
    """Return the parameters of least loss, by L-BFGS from a half-and-half blend."""
    groups = {one.group for one in judged}
    sizes = {group: sum(one.group == group for one in judged) for group in groups}
    start = torch.zeros(N_PARAMETERS)
    start[-2], start[-1] = 1.0, -2.0
    parameters = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([parameters], max_iter=_N_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        blend = Blend.of(parameters)
        total = _DECAY * (parameters - start).square().sum()
        for one in judged:
            mixed = blend.mix(one.found, one.alike, blend.share(one.of_cells))
            entropy = nn.functional.binary_cross_entropy_with_logits(mixed.log_odds, one.regulates)
            total = total + entropy / (sizes[one.group] * len(groups))
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return parameters.detach()
