"""Cells with genes knocked out, and which genes respond: simulated ones, and DREAM4."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse, stats

from grn.data.datasets.root import data_roots
from grn.data.preprocessing.prepare import prepare
from grn.data.preprocessing.preprocess import preprocess
from grn.edges.matrix import locate
from grn.simulation.cells import simulate_model
from grn.simulation.models import RANDOM, load_model
from grn.simulation.random_network import N_TARGETS, N_TFS, gene_names

if TYPE_CHECKING:
    from anndata import AnnData

LEAST_RESPONDING = 3
_N_CELLS = 200
_FDR, _LEAST_EFFECT = 0.01, 0.2
_FARTHEST, _ROBUST = 3.0, 1.4826  # the latter makes a standard deviation of a normal's median
_DREAM4 = "dream4_perturbed"


@dataclass(frozen=True)
class Experiment:
    """Cells with single genes knocked out, and controls."""

    name: str
    adata: "AnnData"
    """Preprocessed, controls and knock-outs together."""
    tfs: list[str]
    roots: Float[np.ndarray, "n_cells n_genes"]
    """√(log expression)."""
    knocked: Int[np.ndarray, " n_cells"]
    """Position of the knocked gene of each cell among the genes, −1 for the controls."""
    baseline: dict[int, Float[np.ndarray, " n_genes"]]
    """√(log expression) without the knock-out of a gene, for each that is judged."""
    responds: dict[int, Bool[np.ndarray, " n_genes"]]
    """Which genes respond to it, itself not among them: at least three of them."""

    def response(self, gene: int) -> Float[np.ndarray, " n_genes"]:
        """Return the change of every gene by the knock-out of one."""
        change: np.ndarray = self._mean_of(gene) - self.baseline[gene]
        return change

    def mean_response(self, gene: int) -> Float[np.ndarray, " n_genes"]:
        """Return the mean change by all other knock-outs."""
        others = [one for one in np.unique(self.knocked).tolist() if one not in (-1, gene)]
        mean = np.mean([self._mean_of(one) for one in others], axis=0)
        change: np.ndarray = mean - self.baseline[gene]
        return change

    def _mean_of(self, gene: int) -> Any:
        return self.roots[self.knocked == gene].mean(axis=0)


def simulate_knockouts(model: str, seed: int) -> Experiment:
    """Simulate the knock-out of every TF of a model, each in 200 cells, and 200 controls.

    A gene responds where its mean differs from that of the controls by Welch's test at an FDR of
    0.01, and by at least 0.2 standard deviations of the controls.

    Parameters
    ----------
    model
        As `grn.simulate_model` takes it.
    seed
        Of the cells, and of a random network.
    """
    if model == RANDOM:
        tfs = gene_names(n_tfs=N_TFS, n_targets=N_TARGETS)[:N_TFS]
    else:
        tfs = list(load_model(model).rules)
    cells = simulate_model(model, n_cells=_N_CELLS, seed=seed, knockouts=tfs)
    # The amounts of a Boolean model are taken as they are, as in BEELINE's sets.
    adata = preprocess(cells, values="counts" if model == RANDOM else "log")
    knocked = locate(adata.obs["perturbation"].astype(str).tolist(), adata.var_names)
    # The cells of a gene that was filtered out are no controls.
    adata = adata[(knocked >= 0) | (adata.obs["perturbation"] == "control").to_numpy()].copy()
    knocked = locate(adata.obs["perturbation"].astype(str).tolist(), adata.var_names)
    roots, baseline, responds = _roots(adata), {}, {}
    controls = roots[knocked < 0]
    least = _LEAST_EFFECT * controls.std(axis=0)
    for gene in np.unique(knocked[knocked >= 0]).tolist():
        with np.errstate(divide="ignore", invalid="ignore"):  # genes that vary in neither
            test = stats.ttest_ind(roots[knocked == gene], controls, equal_var=False)
        p = np.nan_to_num(test.pvalue, nan=1.0)
        baseline[gene] = controls.mean(axis=0)
        change = roots[knocked == gene].mean(axis=0) - baseline[gene]
        responds[gene] = (stats.false_discovery_control(p) < _FDR) & (np.abs(change) > least)
    kept = [tf for tf in adata.var_names if tf in set(tfs)]
    return _experiment(model, adata, kept, roots, knocked, baseline, responds)


def read_dream4(adata: "AnnData", name: str) -> Experiment:
    """Read the wild type and the knock-outs of a network; the knock-downs are left out.

    There is one wild type, and its noise is in every difference from it: a change is taken from
    the median of all other samples. A gene responds that is more than three robust standard
    deviations (1.48 × the median absolute deviation) from there. Only genes of odd numbers are
    judged: on the others the method was chosen.

    Parameters
    ----------
    adata
        `obs`: `perturbation` (`control` or the gene) and `type`.
    name
        Of the network.
    """
    kept = adata[(adata.obs["type"] != "knock-down").to_numpy()].copy()
    cells, tfs = prepare(kept, None, preprocess)
    names = cells.obs["perturbation"].astype(str).tolist()
    knocked = locate(names, cells.var_names)
    roots, baseline, responds = _roots(cells), {}, {}
    for row in np.flatnonzero(knocked >= 0):
        gene = int(knocked[row])
        if int(names[row].removeprefix("G")) % 2 == 0:
            continue
        others = np.delete(roots, row, axis=0)
        baseline[gene] = np.median(others, axis=0)
        deviation = _ROBUST * np.median(np.abs(others - baseline[gene]), axis=0)
        responds[gene] = np.abs(roots[row] - baseline[gene]) > _FARTHEST * deviation
    return _experiment(f"DREAM4 {name}", cells, tfs, roots, knocked, baseline, responds)


def find_dream4() -> list[Path]:
    """Return the folders of DREAM4's knock-outs on this machine, as far as there are any."""
    found = [path for root in data_roots() for path in (root / _DREAM4).glob("*/expression.h5ad")]
    return sorted({path.parent.name: path.parent for path in reversed(found)}.values())


def _experiment(
    name: str,
    adata: "AnnData",
    tfs: list[str],
    roots: Any,
    knocked: Any,
    baseline: dict[int, Any],
    responds: dict[int, Any],
) -> Experiment:
    """Leave the knocked gene and the knock-outs with too few responses out of what is judged."""
    for gene, found in responds.items():
        found[gene] = False
    judged = [gene for gene, found in responds.items() if found.sum() >= LEAST_RESPONDING]
    by_gene = ({gene: of[gene] for gene in judged} for of in (baseline, responds))
    return Experiment(name, adata, tfs, roots, knocked, *by_gene)


def _roots(adata: "AnnData") -> Float[np.ndarray, "n_cells n_genes"]:
    values = adata.X.toarray() if sparse.issparse(adata.X) else np.asarray(adata.X)
    roots: np.ndarray = np.sqrt(values.astype(float))
    return roots
