from pathlib import Path
from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from grn.data.preprocessing.preprocess import preprocess
from grn.edges.read import read_truth
from grn.errors import InputError
from grn.inference.halves import split_halves
from tests.helpers import fast_config, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData


@pytest.fixture(autouse=True)
def two_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare fewer halves, which take less time."""
    monkeypatch.setattr("grn.inference.halves._SPLITS", 2)


def halves(adata: "AnnData", tfs: list[str], prior: pd.DataFrame | None = None) -> pd.DataFrame:
    return split_halves(fast_config(Path("unused")), adata, tfs, prior)


def values(table: pd.DataFrame) -> dict[tuple[str, str], float]:
    return dict(table.set_index(["method", "metric"])["value"])


def test_halves_of_cells_with_a_network_are_alike(simulated: "AnnData") -> None:
    adata, tfs = preprocess(simulated), tfs_of(simulated)
    table = halves(adata, tfs)
    found = values(table)
    assert set(table["k"]) == {49}
    assert found["network", "jaccard"] > 4 * found["random", "jaccard"]
    assert found["network", "spearman"] > 0.3
    assert found["most correlated", "jaccard"] > found["random", "jaccard"]
    # Of 49 of 490 pairs, each drawn twice: 4.9 in common of 93.1.
    assert found["random", "jaccard"] == pytest.approx(0.0526, abs=0.005)
    assert found["random", "spearman"] == 0
    assert (table.loc[table["metric"] == "spearman", "spread"] > 0).all()


def test_halves_of_independent_genes_are_as_random_rankings() -> None:
    generator = np.random.default_rng(1)
    counts = generator.poisson(generator.uniform(1, 9, 25), (90, 25)).astype(np.float32)
    adata = preprocess(ad.AnnData(np.log1p(counts)))
    tfs = adata.var_names[:6].tolist()
    table = halves(adata, tfs)
    pd.testing.assert_frame_equal(halves(adata, tfs), table)
    found = values(table)
    assert abs(found["most correlated", "spearman"]) < 0.15
    assert found["most correlated", "jaccard"] < 0.15


def test_edges_of_a_prior_come_first_in_both(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    pairs = [(tf, gene) for tf in tfs for gene in adata.var_names if tf != gene][:6]
    prior = read_truth(pd.DataFrame(pairs, columns=["source", "target"]))
    assert values(halves(adata, tfs, prior))["network", "jaccard"] == 1
    assert values(halves(adata, tfs))["network", "jaccard"] < 1


def test_too_few_cells_are_refused(small: "AnnData") -> None:
    with pytest.raises(InputError, match="got 39 cells; halves of at least 20 need 40"):
        halves(preprocess(small)[:39].copy(), tfs_of(small))
