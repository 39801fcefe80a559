from pathlib import Path
from typing import TYPE_CHECKING

import anndata
import numpy as np
import pandas as pd
import pytest
import torch

import grn
from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from tests.helpers import QUIET, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.interventions import Interventions

COLUMNS = ["source", "target", "weight", "importance"]


def train(
    adata: "AnnData", *overrides: str, seed: int = 0, max_steps: int = 6
) -> grn.SphericalGRN:
    model = grn.SphericalGRN(adata, tfs=tfs_of(adata))
    model.train(max_steps, accelerator="cpu", seed=seed, overrides=[*QUIET, *overrides])
    return model


@pytest.fixture(scope="module")
def model(small: "AnnData") -> grn.SphericalGRN:
    return train(small)


def test_edges_are_complete_and_best_first(model: grn.SphericalGRN) -> None:
    edges = model.edges()
    assert edges.columns.tolist()[:4] == COLUMNS
    assert len(edges) == 4 * 16 - 4
    assert edges["importance"].is_monotonic_decreasing
    pd.testing.assert_frame_equal(model.edges(top=7), edges.head(7))


def test_cells_are_left_unchanged(small: "AnnData") -> None:
    adata = small.copy()
    grn.SphericalGRN(adata, tfs_of(adata))
    np.testing.assert_array_equal(adata.X.toarray(), small.X.toarray())
    assert "grn_preprocess" not in adata.uns


def test_regulators_may_be_names_a_file_or_all_genes(small: "AnnData", tmp_path: Path) -> None:
    (tmp_path / "tfs.txt").write_text("TF03\nTF01\nG005\nSOX2\n")
    expected = ["TF01", "TF03", "G005"]
    assert grn.SphericalGRN(small, ["TF03", "TF01", "G005", "SOX2"]).tfs == expected
    assert grn.SphericalGRN(small, tmp_path / "tfs.txt").tfs == expected
    assert grn.SphericalGRN(small, str(tmp_path / "tfs.txt")).tfs == expected
    assert grn.SphericalGRN(small).tfs == small.var_names.tolist()


def test_a_layer_is_read_instead_of_x(small: "AnnData") -> None:
    adata = small.copy()
    adata.layers["counts"] = adata.X.copy()
    adata.X = adata.X.toarray() - 1.0
    with pytest.raises(InputError, match="negative"):
        grn.SphericalGRN(adata, tfs_of(adata))
    layered = grn.SphericalGRN(adata, tfs_of(adata), layer="counts").adata
    plain = grn.SphericalGRN(small, tfs_of(small)).adata
    np.testing.assert_array_equal(layered.X.toarray(), plain.X.toarray())


def test_cells_may_stay_on_disk(small: "AnnData", model: grn.SphericalGRN, tmp_path: Path) -> None:
    cells = small.copy()
    cells.uns = {}
    cells.write_h5ad(tmp_path / "cells.h5ad")
    backed = train(anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r"))
    pd.testing.assert_frame_equal(backed.edges(), model.edges(), check_exact=True)
    assert isinstance(backed.to_adata().X, anndata.abc.CSRDataset)


def test_cells_may_come_preprocessed(small: "AnnData") -> None:
    cells = preprocess(small, min_cells=30)
    assert cells.n_vars < 16
    assert grn.SphericalGRN(cells).tfs == cells.var_names.tolist()
    with pytest.raises(InputError, match=r"preprocess\.min_cells=30 comes too late"):
        grn.SphericalGRN(small).train(1, overrides=["preprocess.min_cells=30"])


def test_edges_need_no_training_and_training_leaves_them_alone(
    small: "AnnData", model: grn.SphericalGRN
) -> None:
    untrained = grn.SphericalGRN(small, tfs_of(small))
    assert untrained.prediction is None
    before = untrained.edges()
    pd.testing.assert_frame_equal(before, model.edges(), check_exact=True)
    untrained.train(4, accelerator="cpu", overrides=[*QUIET, "optimizer.lr=1"])
    pd.testing.assert_frame_equal(untrained.edges(), before, check_exact=True)
    assert set(untrained.prediction) == {"r2", "mean", "ridge", "start"}


def test_same_seed_same_predictor(small: "AnnData", model: grn.SphericalGRN) -> None:
    assert train(small).prediction == model.prediction
    assert train(small, seed=1).prediction != model.prediction


def test_settings_of_the_model_are_those_of_the_training(small: "AnnData") -> None:
    few = train(small, "model.max_cells=30", max_steps=1)
    other = grn.SphericalGRN(small, tfs_of(small))
    assert not few.edges().equals(other.edges())
    other.train(1, accelerator="cpu", overrides=[*QUIET, "model.max_cells=30"])
    pd.testing.assert_frame_equal(few.edges(), other.edges(), check_exact=True)


def test_saved_model_gives_the_same_edges(
    small: "AnnData", model: grn.SphericalGRN, tmp_path: Path
) -> None:
    model.save(tmp_path / "model.ckpt")
    loaded = grn.SphericalGRN.load(tmp_path / "model.ckpt", small)
    pd.testing.assert_frame_equal(loaded.edges(), model.edges(), check_exact=True)
    loaded.save(tmp_path / "again.ckpt")
    first, again = (torch.load(tmp_path / f"{n}.ckpt") for n in ("model", "again"))
    assert first["network"]["belief"] == again["network"]["belief"]
    for name, value in first["state_dict"].items():
        assert torch.equal(again["state_dict"][name], value), name


def test_a_network_alone_can_be_saved(small: "AnnData", tmp_path: Path) -> None:
    model = grn.SphericalGRN(small, tfs_of(small))
    model.save(tmp_path / "model.ckpt")
    assert "state_dict" not in torch.load(tmp_path / "model.ckpt")
    loaded = grn.SphericalGRN.load(tmp_path / "model.ckpt", small)
    pd.testing.assert_frame_equal(loaded.edges(), model.edges(), check_exact=True)


@pytest.mark.parametrize(
    "setting", ["model.predictor.hidden_size=5", "model.max_cells=30", "model.predictor.n_axes=7"]
)
def test_saved_model_remembers_its_settings(
    small: "AnnData", tmp_path: Path, setting: str
) -> None:
    model = train(small, setting, seed=1, max_steps=1)
    model.save(tmp_path / "model.ckpt")
    loaded = grn.SphericalGRN.load(tmp_path / "model.ckpt", small)
    pd.testing.assert_frame_equal(loaded.edges(), model.edges(), check_exact=True)


def test_saved_model_applies_to_other_cells(
    small: "AnnData", model: grn.SphericalGRN, tmp_path: Path
) -> None:
    model.save(tmp_path / "model.ckpt")
    others = small[:40, 2:].copy()
    others.uns = {}
    with pytest.raises(InputError, match="Only 2 of the 4 TFs"):
        grn.SphericalGRN.load(tmp_path / "model.ckpt", others)
    loaded = grn.SphericalGRN.load(tmp_path / "model.ckpt", small[:40, 1:].copy())
    assert loaded.tfs == ["TF02", "TF03", "TF04"]
    assert len(loaded.edges()) == 3 * 15 - 3


def test_network_is_put_beside_the_cells(model: grn.SphericalGRN) -> None:
    adata = model.to_adata()
    edges = model.edges()
    assert adata.shape == (60, 16)
    best = edges.iloc[0]
    at = adata.var_names.get_indexer([best["source"], best["target"]])
    assert adata.varp["grn"][*at] == pytest.approx(best["weight"])
    assert adata.uns["grn"]["n_tfs"] == 4
    assert adata.uns["grn"]["belief"]["dominance"] > 0
    assert len(adata.uns["grn"]["transformer"]["sha256"]) == 12


def test_confidence_is_added_when_asked_for(small: "AnnData", tmp_path: Path) -> None:
    model = train(small)
    plain = model.edges()
    model.add_confidence(bootstraps=2)
    assert model.edges().columns.tolist() == [*plain.columns, "stability"]
    model.add_confidence(permutations=1)
    edges = model.edges()
    assert edges.columns.tolist() == [*plain.columns, "p_value", "fdr"]
    assert edges["p_value"].between(0, 1, inclusive="right").all()
    pd.testing.assert_frame_equal(edges[plain.columns], plain, check_exact=True)
    adata = model.to_adata()
    assert set(adata.varp) == {"grn", "grn_p_value", "grn_fdr"}
    assert adata.uns["grn"]["confidence"] == {"permutations": 1}
    evaluated = grn.evaluate(edges, small.uns["truth"], n_random=1)
    expected = grn.evaluate(plain, small.uns["truth"], n_random=1)
    pd.testing.assert_frame_equal(evaluated, expected)
    model.save(tmp_path / "model.ckpt")
    loaded = grn.SphericalGRN.load(tmp_path / "model.ckpt", small)
    loaded.add_confidence(permutations=1)
    pd.testing.assert_frame_equal(loaded.edges(), edges, check_exact=True)
    model.train(6, accelerator="cpu", overrides=QUIET)
    assert model.edges().columns.equals(plain.columns)


def test_confidence_may_be_a_setting_of_training(small: "AnnData") -> None:
    model = train(small, "confidence.bootstraps=1", max_steps=1)
    assert set(model.edges()["stability"]) == {0, 1}
    with pytest.raises(InputError, match=r"bootstraps is -1"):
        model.add_confidence(bootstraps=-1)


def test_a_prior_comes_first_with_its_signs(small: "AnnData", model: grn.SphericalGRN) -> None:
    known = model.edges().tail(3)[["source", "target"]].assign(sign=[1, -1, 1])
    guided = grn.SphericalGRN(small, tfs_of(small), groupby="lineage", prior=known)
    by_group = guided.edges_by_group(3).groupby("group", observed=True)
    for edges in (guided.edges(3), *(one for _, one in by_group)):
        found = edges.set_index(["source", "target"])["weight"].gt(0).to_dict()
        assert found == known.set_index(["source", "target"])["sign"].gt(0).to_dict()
    guided.add_confidence(bootstraps=1)
    assert guided.edges(3)["stability"].eq(1).all()
    with pytest.raises(InputError, match="and a prior"):
        guided.add_confidence(permutations=1)
    guided.train(1, accelerator="cpu", overrides=QUIET)
    assert guided.edges(3)[["source", "target"]].isin(known.to_dict("list")).all(axis=None)
    with pytest.raises(InputError, match="no prior at absent"):
        grn.SphericalGRN(small, tfs_of(small), prior="absent.csv")


def test_a_missing_checkpoint_is_refused(small: "AnnData", tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no checkpoint at"):
        grn.SphericalGRN.load(tmp_path / "x", small)


def test_it_says_what_is_in_it(small: "AnnData", model: grn.SphericalGRN) -> None:
    fresh = repr(grn.SphericalGRN(small, tfs_of(small), groupby="lineage")).splitlines()
    assert fresh[0] == "SphericalGRN: 60 cells × 16 genes, 4 regulators"
    assert fresh[1].strip() == "network: not found yet"
    assert "3 groups, not found yet" in fresh[2]
    assert "not trained" in fresh[3]
    model.edges()
    trained = repr(model)
    assert "GeneNetwork(4 regulators × 16 genes, " in trained
    assert f"R² on held-out cells: r2 {model.prediction['r2']:.3f}" in trained
    assert len(trained) < 400


def test_settings_are_checked(small: "AnnData") -> None:
    model = grn.SphericalGRN(small, tfs_of(small))
    with pytest.raises(InputError, match="least_noise=-1"):
        model.train(2, overrides=["objective.least_noise=-1"])
    with pytest.raises(InputError, match="seed"):
        model.train(2, seed=-1)


def test_labels_of_perturbations_are_read_kept_and_refused(
    screen: "AnnData", tmp_path: Path, told: "list[Interventions | None]"
) -> None:
    labels = {"perturbations": "guide", "control": "NT", "perturbation_kind": "activation"}
    model = grn.SphericalGRN(screen, tfs_of(screen), **labels)
    edges = model.edges()
    assert model.to_adata().uns["grn"]["perturbations"]["kinds"] == {"activation": 48}
    model.save(tmp_path / "model.ckpt")
    same = grn.SphericalGRN.load(tmp_path / "model.ckpt", screen, **labels)
    pd.testing.assert_frame_equal(same.edges(), edges, check_exact=True)
    assert len(told) == 1
    assert grn.SphericalGRN.load(tmp_path / "model.ckpt", screen).edges() is not None
    model.train(1, accelerator="cpu", overrides=QUIET)
    activated, unlabelled, of_training = told[0], *told[1:]
    assert activated is not None
    assert activated.dose.max() == 1
    assert unlabelled is None
    assert of_training is not None
    with pytest.raises(InputError, match=r"perturbations=guides: obs has no such column"):
        grn.SphericalGRN(screen, tfs_of(screen), perturbations="guides")
