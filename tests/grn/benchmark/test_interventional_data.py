from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.benchmark.interventional_data import (
    KNOCK_OUTS,
    WITH_KNOCK_DOWNS,
    dream4_screens,
    read_interventions,
    simulated_screens,
)
from grn.evaluation import metrics
from grn.interventions import NO_GROUP

GENES = [f"G{k}" for k in range(1, 8)]


@pytest.fixture
def dream4(tmp_path: Path) -> Path:
    """A wild type, and every gene of seven knocked out twice and knocked down once."""
    rng = np.random.default_rng(0)
    kinds = ["wild type", *["knock-out"] * 14, *["knock-down"] * 7, *["knock-out"] * 7]
    names = ["control", *GENES * 4]
    cells = anndata.AnnData(
        X=(0.5 + 0.01 * rng.normal(size=(29, 7))).astype(np.float32),
        obs=pd.DataFrame({"perturbation": names, "type": kinds}, index=map(str, range(29))),
        var=pd.DataFrame(index=GENES),
    )
    cells.write_h5ad(tmp_path / "expression.h5ad")
    edges = pd.DataFrame({"source": ["G1", "G1", "G3"], "target": ["G2", "G3", "G1"]})
    edges.to_csv(tmp_path / "edges_gold.csv", index=False)
    return tmp_path


def test_dream4_judges_all_ordered_pairs_without_and_with_knock_downs(dream4: Path) -> None:
    knocked_out, both = dream4_screens(dream4)
    assert (knocked_out.setting, both.setting) == (KNOCK_OUTS, WITH_KNOCK_DOWNS)
    assert (knocked_out.cells.adata.n_obs, both.cells.adata.n_obs) == (22, 29)
    for screen in (knocked_out, both):
        assert screen.judged.pairs.sum() == 7 * 6
        assert screen.judged.labels.sum() == 3
        assert screen.judged.labels[0, 1]
        assert screen.cells.tfs == GENES
        assert screen.interventions.perturbed_genes.tolist() == list(range(7))
    assert set(np.unique(knocked_out.interventions.dose)) == {-1, 0}
    dose = both.interventions.dose[both.interventions.group]
    np.testing.assert_array_equal(dose[0], 0)
    np.testing.assert_array_equal(dose.sum(axis=1)[1:], [-1] * 14 + [-0.5] * 7 + [-1] * 7)


def test_cells_of_a_gene_that_was_not_measured_are_of_no_group() -> None:
    cells = anndata.AnnData(
        X=np.ones((4, 2), dtype=np.float32),
        obs=pd.DataFrame({"perturbation": ["B", "control", "Z", "A"]}, index=list("wxyz")),
        var=pd.DataFrame(index=["A", "B"]),
    )
    found = read_interventions(cells, np.array([-1.0, 0, -1, 1]))
    assert found.group[2] == NO_GROUP
    assert found.group[1] == 0
    np.testing.assert_array_equal(found.dose[found.group[[0, 1, 3]]], [[0, -1], [0, 0], [1, 0]])


def test_smaller_screens_are_parts_of_larger_ones() -> None:
    settings = ((10, 25), (10, 100), (4, 100))
    few_tfs, whole, few_cells = simulated_screens("VSC", 7, settings, "VSC")
    sizes = [len(one.cells.adata) for one in (few_tfs, whole, few_cells)]
    assert sizes == [10 * 3, 10 * 9, 4 * 9]  # eight genes: a quarter of them are two
    names = set(whole.cells.adata.obs_names)
    for part in (few_tfs, few_cells):
        assert set(part.cells.adata.obs_names) < names
        counts = np.bincount(part.interventions.group)
        assert len(set(counts.tolist())) == 1
    assert few_tfs.setting == "10 cells, 25 %"
    assert len(few_tfs.interventions.perturbed_genes) == 2
    for screen in (few_tfs, whole):
        adata, found = screen.cells.adata, screen.interventions
        for gene in found.perturbed_genes:
            inside = found.dose[found.group, gene] == -1
            assert set(adata.obs["perturbation"][inside]) == {adata.var_names[gene]}
    assert whole.judged.pairs.sum() == 8 * 7
    assert whole.judged.labels.sum() == 15
    assert (whole.judged.signs[whole.judged.labels] == -1).all()


@pytest.mark.data
@pytest.mark.parametrize(("name", "plain"), [("size100_1", 0.494), ("size100_2", 0.391)])
def test_knock_outs_of_dream4_have_the_known_accuracy(
    shared_data: Path, name: str, plain: float
) -> None:
    screen, _ = dream4_screens(shared_data / "dream4_perturbed" / name)
    adata, found, judged = screen.cells.adata, screen.interventions, screen.judged
    z = (adata.X - adata.X[1:].mean(axis=0)) / adata.X[1:].std(axis=0)
    importance = np.zeros((100, 100))
    importance[found.dose.argmin(axis=1)[found.group[1:]]] = np.abs(z[1:])
    order = np.argsort(np.array(screen.cells.genes))
    scores = importance[np.ix_(order, order)][judged.pairs]
    assert judged.pairs.sum() == 9900
    assert metrics.auprc(scores, judged.labels[judged.pairs]) == pytest.approx(plain, abs=0.001)
