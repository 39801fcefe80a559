"""Real cells beside their truth, as a peer reads them."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from anndata import read_h5ad

from grn.edges.read import read_truth
from grn.evaluation import TruthScorer, candidates
from grn.evaluation.scores import Scores
from grn.expression import Expression


class Cells(NamedTuple):
    expression: Expression
    tf_index: np.ndarray
    ratio: Callable[[Scores, str], float]


@pytest.fixture
def mdc(shared_data: Path) -> Cells:
    """BEELINE's dendritic cells, the TFs of the study, and the AUPRC ratio on a network."""
    folder = shared_data / "beeline" / "mDC"
    adata = read_h5ad(folder / "expression.h5ad")
    tfs = (folder / "tfs.txt").read_text().split()

    def ratio(scores: Scores, network: str) -> float:
        judged = candidates(read_truth(folder / f"edges_{network}.csv"))
        return TruthScorer(judged, tfs, adata.var_names).score(*scores)["auprc_ratio"]

    return Cells(adata.X, adata.var_names.get_indexer(tfs), ratio)


@pytest.fixture
def boolode(shared_data: Path) -> Callable[[str, int], Cells]:
    """A simulated model of BEELINE and one of its replicates; every gene is a TF."""

    def read(model: str, replicate: int) -> Cells:
        folder = shared_data / "beeline_simulated" / model / f"{model}_2000_{replicate}"
        levels = pd.read_csv(folder / "ExpressionData.csv", index_col=0).T
        judged = candidates(read_truth(folder / "refNetwork.csv"))
        genes = list(levels.columns)

        def ratio(scores: Scores, network: str = "") -> float:
            return TruthScorer(judged, genes, genes).score(*scores)["auprc_ratio"]

        return Cells(levels.to_numpy(), np.arange(len(genes)), ratio)

    return read


@pytest.fixture
def regulated() -> np.ndarray:
    """300 cells: genes 0–5 are free, 6 follows 0, 7 follows |1| and so no rank, 8 is constant."""
    rng = np.random.default_rng(0)
    levels = rng.normal(5, 1, (300, 9))
    levels[:, 6] = 3 * levels[:, 0] + rng.normal(size=300)
    levels[:, 7] = 3 * np.abs(levels[:, 1] - 5) + rng.normal(3, 0.5, size=300)
    levels[:, 8] = 2.5
    return levels
