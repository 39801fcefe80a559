import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata
import numpy as np
import pandas as pd
import pytest

import grn
from grn.data.dataset import CellDataset
from grn.data.preprocessing.perturbed_obs import annotate
from grn.data.preprocessing.preprocess import preprocess
from grn.edges.matrix import adjacency, locate
from grn.edges.read import read_truth
from grn.errors import InputError
from grn.inference.confidence import (
    Confidence,
    among_top,
    assess,
    check_confidence,
    check_permutations,
    significance,
    top_edges,
)
from grn.inference.infer import infer_network
from grn.inference.networks import Networks, perturbations_of
from grn.model.pretrained import GeneNetwork
from grn.runs.run import run
from tests.helpers import fast_config, file_config, tfs_of, written

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.interventions import Interventions

TF_INDEX = np.array([1, 3])


def assessed(
    adata: "AnnData", tfs: list[str], *overrides: str, prior: pd.DataFrame | None = None
) -> Confidence:
    config, cells = fast_config(Path("unused"), *overrides), CellDataset(adata)
    found = infer_network(config, cells, tfs, prior=prior)
    return assess(config, adata, tfs, found, prior)


def pairs_of(matrix: np.ndarray, tf_index: np.ndarray) -> np.ndarray:
    kept = np.ones(matrix.shape, dtype=bool)
    kept[np.arange(len(tf_index)), tf_index] = False
    return matrix[kept]


def test_ten_edges_per_regulator_but_a_tenth_of_the_pairs() -> None:
    assert top_edges(100, 2001) == 1000
    assert top_edges(100, 51) == 500
    assert top_edges(3, 4) == 1


def test_top_edges_are_pairs_and_share_a_tie() -> None:
    importance = np.array([[3.0, 9.0, 1.0, 2.0], [2.0, 2.0, 0.0, 9.0]])
    expected = np.array([[1.0, 0, 0, 1 / 3], [1 / 3, 1 / 3, 0, 0]])
    np.testing.assert_allclose(among_top(importance, TF_INDEX, 2), expected)


def test_significance_by_hand() -> None:
    strength = np.array([[3.0, 9.0, 1.0, 2.0], [2.5, 0.0, 0.5, 9.0]])
    null = np.array([[1.0, 99.0, 2.0, 0.0], [0.5, 0.1, 0.2, 99.0]])
    found = significance(strength, [null, null], TF_INDEX)
    # Twelve nulls: twice 2, 1, 0.5, 0.2, 0.1, 0.
    p_value = np.array([[1, np.nan, 5, 3], [1, 13, 7, np.nan]]) / 13
    np.testing.assert_allclose(found["p_value"], p_value)
    # p · 6 / rank, from the largest on the least so far.
    fdr = np.array([[3, np.nan, 7.5, 6], [3, 13, 8.4, np.nan]]) / 13
    np.testing.assert_allclose(found["fdr"], fdr)


def test_nothing_is_computed_unless_asked_for(small: "AnnData") -> None:
    assert assessed(preprocess(small), tfs_of(small)) == Confidence({}, {})


def test_edges_of_a_true_network_are_stable_and_beyond_chance(simulated: "AnnData") -> None:
    adata, tfs = preprocess(simulated), tfs_of(simulated)
    asked = ("confidence.bootstraps=4", "confidence.permutations=1")
    found = assessed(adata, tfs, *asked)
    assert found.summary == {"bootstraps": 4, "top_k": 49, "permutations": 1}
    assert list(found.columns) == ["stability", "p_value", "fdr"]
    tf_index = locate(tfs, adata.var_names)
    truth = read_truth(simulated.uns["truth"]).assign(known=1)
    known = pairs_of(adjacency(truth, tfs, adata.var_names, "known"), tf_index) == 1
    columns = {name: pairs_of(values, tf_index) for name, values in found.columns.items()}
    stability, p_value = columns["stability"], columns["p_value"]
    assert stability.sum() == pytest.approx(49)
    assert stability[known].mean() > 2 * stability[~known].mean()
    assert stability[known].max() == 1 > np.median(stability)
    assert np.median(p_value[known]) < np.median(p_value[~known])
    assert 1 / 491 <= p_value.min() < 0.01
    significant = columns["fdr"] < 0.05
    assert known[significant].mean() > 1.5 * known.mean()
    assert significant.mean() > 0.03


def noise(seed: int) -> "AnnData":
    """120 cells of 40 genes that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    values = rng.poisson(rng.uniform(1, 9, 40), (120, 40)).astype(np.float32)
    return grn.preprocess(anndata.AnnData(np.log1p(values)))


def test_independent_genes_have_uniform_p_values() -> None:
    # Pairs of the same cells depend on each other: only several sets tell.
    columns: dict[str, list[np.ndarray]] = {"p_value": [], "fdr": []}
    for seed in range(1, 6):
        adata = noise(seed)
        tfs = adata.var_names[:12].tolist()
        found = assessed(adata, tfs, "confidence.permutations=2")
        for name, kept in columns.items():
            kept.append(pairs_of(found.columns[name], locate(tfs, adata.var_names)))
    p_value, fdr = (np.concatenate(kept) for kept in columns.values())
    assert p_value.mean() == pytest.approx(0.5, abs=0.04)
    for quarter in np.histogram(p_value, bins=4, range=(0, 1))[0] / len(p_value):
        assert quarter == pytest.approx(0.25, abs=0.06)
    assert 0.02 < (p_value < 0.05).mean() < 0.08
    assert (fdr < 0.1).mean() < 0.005


def test_decoys_are_blended_as_the_real_cells_are(
    small: "AnnData", monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = []

    def remember(*given: Any, **named: Any) -> GeneNetwork:
        network = infer_network(*given, **named)
        shares.append(network.share)
        return network

    monkeypatch.setattr("grn.inference.confidence.infer_network", remember)
    adata, tfs = preprocess(small), tfs_of(small)
    config, cells = fast_config(Path("unused"), "confidence.permutations=2"), CellDataset(adata)
    real = infer_network(config, cells, tfs)
    assess(config, adata, tfs, real)
    assert shares == [real.share] * 2


def test_same_seed_same_columns(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    asked = ("confidence.bootstraps=2", "confidence.permutations=1")
    first, again, other = (assessed(adata, tfs, *asked, f"seed={seed}") for seed in (0, 0, 1))
    for name, column in first.columns.items():
        np.testing.assert_array_equal(column, again.columns[name])
    assert not np.array_equal(first.columns["p_value"], other.columns["p_value"])


def test_a_gene_that_a_bootstrap_does_not_show_breaks_nothing(small: "AnnData") -> None:
    adata = preprocess(small)
    expression = adata.X.toarray()
    # A target and a regulator, in cells that most bootstraps leave out some time.
    expression[:, [0, 9]] = 0
    expression[3, 0] = expression[5, 9] = 1.0
    flat = anndata.AnnData(expression, var=adata.var)
    tfs = tfs_of(adata)
    found = assessed(flat, tfs, "confidence.bootstraps=6")
    assert np.isfinite(found.columns["stability"]).all()
    assert pairs_of(found.columns["stability"], np.arange(4)).sum() == pytest.approx(6)


def test_the_prior_comes_first_in_every_bootstrap(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    pairs = {"source": ["TF02", "TF01", "TF03"], "target": ["TF01", "G005", "G007"]}
    prior = read_truth(pd.DataFrame(pairs))
    found = assessed(adata, tfs, "confidence.bootstraps=2", prior=prior)
    known = adjacency(prior.assign(one=1), tfs, adata.var_names, "one") == 1
    assert (found.columns["stability"][known] == 1).all()


def test_the_log_says_how_long_it_takes(
    small: "AnnData", caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="grn"):
        assessed(preprocess(small), tfs_of(small), "confidence.bootstraps=4")
    said = [r.getMessage() for r in caplog.records if r.name == "grn.inference.confidence"]
    assert [line.partition(" further")[0] for line in said] == [
        "confidence: inferring 4",
        "confidence: 1 of 4",  # the others within seconds
        "confidence: 4 of 4",
    ]
    assert "s to go" in said[1]


def test_the_log_is_not_silent_for_long(
    small: "AnnData", caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grn.inference.confidence._SECONDS_BETWEEN_LINES", 0)
    with caplog.at_level(logging.INFO, logger="grn"):
        assessed(preprocess(small), tfs_of(small), "confidence.bootstraps=3")
    assert sum("to go" in record.getMessage() for record in caplog.records) == 3


def test_a_run_interrupted_meanwhile_is_not_complete(
    tmp_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = file_config(tmp_path / "run", files, "confidence.bootstraps=2")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("grn.inference.confidence.bootstrap", stop)
        with pytest.raises(KeyboardInterrupt):
            run(config)
    checkpoints = {"checkpoints", "checkpoints/best.ckpt", "checkpoints/last.ckpt"}
    assert written(tmp_path / "run") == {*checkpoints, "config.yaml", "run.jsonl"}
    resumed = run(config).edges
    assert "stability" in resumed
    whole = run(file_config(tmp_path / "whole", files, "confidence.bootstraps=2")).edges
    pd.testing.assert_frame_equal(resumed, whole, check_exact=True)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["confidence.bootstraps=-1"], r"confidence\.bootstraps=-1.*expected 0"),
        (["confidence.permutations=-2"], r"permutations=-2; expected 0"),
        (
            ["confidence.bootstraps=1", "objective=supervised", "split=unseen_tf"],
            "known edges decide",
        ),
        (["confidence.permutations=1", "prior=x.csv"], "and a prior"),
    ],
)
def test_what_cannot_be_computed_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_confidence(fast_config(Path("unused"), *overrides))


def test_what_can_be_computed_is_not_refused() -> None:
    for overrides in (["prior=x.csv", "confidence.bootstraps=2"], ["confidence.permutations=1"]):
        check_confidence(fast_config(Path("unused"), *overrides))


def test_cells_on_disk_are_not_permuted(small: "AnnData", tmp_path: Path) -> None:
    cells = small.copy()
    cells.uns = {}
    cells.write_h5ad(tmp_path / "x.h5ad")
    backed = anndata.read_h5ad(tmp_path / "x.h5ad", backed="r")
    check: Callable[..., None] = check_permutations
    check(fast_config(tmp_path, "confidence.bootstraps=1"), backed)
    with pytest.raises(InputError, match=r"these are on disk. Set data\.on_disk=false"):
        check(fast_config(tmp_path, "confidence.permutations=1"), backed)


def test_perturbed_cells_are_drawn_with_their_labels_and_not_permuted(
    screen: "AnnData", told: "list[Interventions | None]"
) -> None:
    config = fast_config(Path("unused"), "data.perturbations=guide", "confidence.bootstraps=2")
    adata, tfs = preprocess(screen), tfs_of(screen)
    annotate(adata, perturbations_of(config, screen))
    check_permutations(config, adata)
    networks = Networks(config, adata, tfs)
    assess(config, adata, tfs, networks.shared)
    real, first, second = told
    assert real is not None
    assert first is not None
    assert second is not None
    assert real.group.tolist() == [0, 1, 1, 2, -1] * 12
    assert first.group.tolist() != second.group.tolist()
    assert set(first.group.tolist()) == {-1, 0, 1, 2}
    config.confidence.permutations = 1
    with pytest.raises(InputError, match=r"decoys, which nobody has perturbed.*permutations=0"):
        check_permutations(config, adata)
