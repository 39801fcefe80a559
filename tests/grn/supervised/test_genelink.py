from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.edges.matrix import adjacency
from grn.edges.read import read_truth
from grn.errors import InputError
from grn.evaluation.candidates import candidates, score_candidates
from grn.supervised.genelink import genelink_split
from grn.supervised.network_controls import degree_control
from grn.supervised.splits import Split

SEEDS = range(3)


def _network(n_targets: dict[str, int], n_genes: int = 101) -> tuple[pd.DataFrame, list[str]]:
    """TFs with so many targets each, none of which is a TF."""
    genes = [f"G{i:03}" for i in range(n_genes)]
    edges = [(tf, gene) for tf, n in n_targets.items() for gene in genes[:n]]
    return pd.DataFrame(edges, columns=["source", "target"]), [*n_targets, *genes]


def _counts(split: Split, tf: str) -> list[tuple[int, int]]:
    """Positives and negatives of a TF in each part."""
    parts = (split.training, split.validation, split.test)
    row = split.test.tfs.index(tf)
    return [(int(p.labels[row].sum()), int((p.pairs & ~p.labels)[row].sum())) for p in parts]


@pytest.fixture(scope="module")
def mdc(shared_data: Path) -> dict[str, tuple[pd.DataFrame, list[str], list[str]]]:
    """Truth, TFs and genes of mDC, by network."""
    folder = shared_data / "beeline" / "mDC"
    genes = anndata.read_h5ad(folder / "expression.h5ad").var_names.tolist()
    tfs = (folder / "tfs.txt").read_text().split()
    names = ("STRING", "NonSpecific", "ChIP")
    return {name: (read_truth(folder / f"edges_{name}.csv"), tfs, genes) for name in names}


@pytest.mark.parametrize(
    ("n", "expected"), [(2, [1, 0, 1]), (3, [2, 0, 1]), (17, [9, 2, 6]), (47, [25, 6, 16])]
)
def test_targets_of_a_tf_are_cut_as_in_the_published_code(n: int, expected: list[int]) -> None:
    truth, genes = _network({"A": n, "B": 31, "C": 31})
    counts = _counts(genelink_split(truth, ["A", "B", "C"], genes, seed=0), "A")
    assert [positives for positives, _ in counts] == expected
    assert [negatives for _, negatives in counts[:2]] == expected[:2]


def test_a_single_target_is_in_training_or_test() -> None:
    truth, genes = _network({"A": 1, "B": 31})
    found = {
        tuple(positives for positives, _ in _counts(genelink_split(truth, [], genes, seed=s), "A"))
        for s in range(20)
    }
    assert found == {(1, 0, 0), (0, 0, 1)}


def test_hard_negatives_are_all_other_genes_cut_like_the_positives() -> None:
    truth, genes = _network({"A": 47, "B": 31})
    split = genelink_split(truth, ["A", "B", "C"], genes, seed=0, hard=True)
    assert split.test.tfs == ["B", "A"] or split.test.tfs == ["A", "B"]
    # 47 targets and 103 − 1 − 47 = 55 others: cut at int(0.67 n) and int(0.77 n).
    assert _counts(split, "A") == [(31, 36), (5, 6), (11, 13)]


@pytest.mark.parametrize("defects", [False, True])
def test_test_set_has_the_density_of_the_network(mdc: dict, defects: bool) -> None:
    for name, density in (("STRING", 0.038), ("NonSpecific", 0.019)):
        truth, tfs, genes = mdc[name]
        found = genelink_split(truth, tfs, genes, seed=0, defects=defects).summary()
        natural = candidates(truth)
        assert found.loc["test", "density"] == pytest.approx(
            natural.labels.sum() / natural.pairs.sum(), rel=1e-3
        )
        # GENELink's own table of densities.
        assert found.loc["test", "density"] == pytest.approx(density, abs=5e-4)
        assert found.loc[["training", "validation"], "density"].tolist() == [0.5, 0.5]


def test_defects_are_those_of_the_published_split(mdc: dict) -> None:
    for name in ("STRING", "NonSpecific"):
        truth, tfs, genes = mdc[name]
        sound = genelink_split(truth, tfs, genes, seed=0)
        published = genelink_split(truth, tfs, genes, seed=0, defects=True)
        # (a) 0.2–1.0 % of the test negatives are training positives.
        assert sound.summary().loc["test", "leaked"] == 0
        assert 0.002 < published.summary().loc["test", "leaked"] < 0.0105
        # (b) 8–42 % are of TFs without a target.
        without = ~np.isin(published.test.tfs, truth["source"])
        negatives = published.test.pairs & ~published.test.labels
        assert 0.08 < negatives[without].sum() / negatives.sum() < 0.42
        assert set(sound.test.tfs) == set(truth["source"])
        # So the truth itself is no perfect prediction there.
        perfect = adjacency(
            truth.assign(known=1), published.test.tfs, published.test.genes, "known"
        )
        assert 0.99 < score_candidates(published.test, None, perfect)["auroc"] < 1


@pytest.mark.parametrize(
    ("name", "auroc", "auprc"),
    [("STRING", 0.918, 0.407), ("NonSpecific", 0.898, 0.184), ("ChIP", 0.804, 0.185)],
)
def test_degree_alone_reaches_what_was_measured_on_the_published_split(
    mdc: dict, name: str, auroc: float, auprc: float
) -> None:
    truth, tfs, genes = mdc[name]
    found = []
    for seed in SEEDS:
        split = genelink_split(truth, tfs, genes, seed=seed, defects=True, hard=name == "ChIP")
        found.append(score_candidates(split.test, *degree_control(split)))
    mean = pd.DataFrame(found).mean()
    assert mean["auroc"] == pytest.approx(auroc, abs=0.02)
    assert mean["auprc"] == pytest.approx(auprc, abs=0.05)


def test_a_dense_tf_gives_the_negatives_it_has() -> None:
    truth, genes = _network({"A": 100, "B": 20, "C": 20}, n_genes=101)
    split = genelink_split(truth, [], genes, seed=0)
    # One gene and the two other TFs are no targets of A.
    assert sum(negatives for _, negatives in _counts(split, "A")) == 3
    assert split.summary().loc["test", "leaked"] == 0


def test_edges_of_other_genes_are_left_out_and_none_left_is_refused() -> None:
    truth, genes = _network({"A": 47, "B": 31})
    more = pd.concat([truth, pd.DataFrame({"source": ["A", "Z"], "target": ["Z", "A"]})])
    split = genelink_split(more, [], genes, seed=0)
    assert "Z" not in split.test.tfs + split.test.genes
    assert split.summary()["n_positives"].sum() == len(truth)
    with pytest.raises(InputError, match="No true edge is among the genes"):
        genelink_split(truth, [], ["a", "b"], seed=0)
