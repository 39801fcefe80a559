from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.errors import InputError
from grn.simulation import simulate_model
from grn.simulation.random_network import simulate


@pytest.fixture(scope="module")
def perturbed() -> anndata.AnnData:
    """HSC without Gata1, and with a tenth of Cebpa."""
    return simulate_model("HSC", n_cells=250, knockouts=["Gata1"], knockdowns={"Cebpa": 0.1})


def test_cells_say_what_they_are(perturbed: anndata.AnnData) -> None:
    assert perturbed.shape == (750, 11)
    assert perturbed.X.dtype == np.float32
    assert perturbed.obs_names.is_unique
    assert (
        perturbed.obs["perturbation"].tolist()
        == ["control"] * 250 + ["Gata1"] * 250 + ["Cebpa"] * 250
    )
    assert set(perturbed.obs["branch"]) <= {1, 2, 3, 4}
    assert perturbed.obs["time"].between(0, 8).all()
    assert perturbed.var["is_tf"].all()
    truth = perturbed.uns["truth"]
    assert list(truth.columns) == ["source", "target", "sign"]
    assert len(truth) == 30
    assert set(truth["sign"]) == {1, -1}
    assert "Krumsiek" in perturbed.uns["citation"]
    assert perturbed.uns["model"] == "HSC"
    assert perturbed.uns["organism"] == "simulated"
    assert perturbed.uns["parameters"]["perturbations"] == {"Gata1": 0.0, "Cebpa": 0.1}


def test_a_knocked_out_activator_lowers_its_targets(perturbed: anndata.AnnData) -> None:
    means = perturbed.to_df().groupby(perturbed.obs["perturbation"], observed=True).mean()
    assert (means.loc["Gata1", "Gata1"]) == 0
    for target in ("Fog1", "Eklf", "Fli1", "Scl"):
        assert means.loc["Gata1", target] < 0.2 * means.loc["control", target]
    assert means.loc["Cebpa", "Gfi1"] < 0.5 * means.loc["control", "Gfi1"]


def test_a_knocked_out_repressor_raises_its_targets() -> None:
    adata = simulate_model("VSC", n_cells=200, knockouts=["Nkx22"])
    means = adata.to_df().groupby(adata.obs["perturbation"], observed=True).mean()
    for target in ("Pax6", "Olig2", "Irx3"):
        assert means.loc["Nkx22", target] > 1.2 * means.loc["control", target]


def test_random_networks_respond_to_a_knock_out() -> None:
    sizes = {"n_tfs": 6, "n_targets": 30, "dropout": 0.0}
    adata = simulate_model("random", n_cells=300, knockouts=["TF02"], **sizes)
    assert adata.shape == (600, 36)
    assert isinstance(adata.X, np.ndarray)
    means = adata.to_df().groupby(adata.obs["perturbation"], observed=True).mean()
    assert means.loc["TF02", "TF02"] < 0.02 * means.loc["control", "TF02"]
    truth = adata.uns["truth"].query("source == 'TF02'")
    change = np.log2((means.loc["TF02"] + 0.01) / (means.loc["control"] + 0.01))
    assert len(truth) > 5
    # A target may have another regulator that responds too, so not every one.
    responds = np.sign(change[truth["target"]]).to_numpy() == -truth["sign"].to_numpy()
    assert responds.mean() > 0.85
    assert change[truth.query("sign > 0")["target"]].max() < -1


def test_random_cells_are_those_of_the_demo() -> None:
    ours = simulate_model("random", n_cells=40, seed=5, dropout=0.15)
    demo = simulate(n_cells=40, seed=5)
    np.testing.assert_array_equal(ours.X, demo.X.toarray())
    assert ours.uns["truth"].equals(demo.uns["truth"])
    assert ours.obs["branch"].tolist() == (demo.obs["lineage"] + 1).tolist()


def test_seed_decides_everything() -> None:
    first, again, other = (simulate_model("mCAD", n_cells=30, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.X, again.X)
    pd.testing.assert_frame_equal(first.obs, again.obs)
    assert (first.X != other.X).any()
    assert simulate_model("mCAD", n_cells=3, seed=2**40).n_obs == 3


def test_branches_are_the_fates() -> None:
    adata = simulate_model("dyn-BF", n_cells=400)
    late = adata[adata.obs["time"] > 3.5]
    upper = late.to_df()["g4"] > late.to_df()["g6"]
    agree = (late.obs["branch"] == 1) == upper
    assert max(agree.mean(), 1 - agree.mean()) > 0.97
    assert simulate_model("dyn-BF", n_cells=1).obs["branch"].tolist() == [1]
    assert set(simulate_model("dyn-LI", n_cells=9).obs["branch"]) == {1}


def test_measurement_loses_and_counts() -> None:
    lossy = simulate_model("dyn-LI", n_cells=200, dropout=0.5)
    assert (lossy.X == 0).mean() == pytest.approx(0.25, abs=0.03)
    counts = simulate_model("dyn-LI", n_cells=200, depth=40.0).X
    assert (counts == np.rint(counts)).all()
    whole = simulate_model("dyn-LI", n_cells=200).X
    assert counts.sum() == pytest.approx(40 * np.exp(0.35**2 / 2) * whole.sum(), rel=0.15)


def test_two_thousand_cells_of_the_largest_model() -> None:
    assert simulate_model("GSD").shape == (2000, 19)


def test_cells_survive_h5ad(perturbed: anndata.AnnData, tmp_path: Path) -> None:
    perturbed.write_h5ad(tmp_path / "cells.h5ad")
    found = anndata.read_h5ad(tmp_path / "cells.h5ad")
    np.testing.assert_array_equal(found.X, perturbed.X)
    assert found.uns["truth"].to_numpy().tolist() == perturbed.uns["truth"].to_numpy().tolist()
    assert found.uns["parameters"]["perturbations"] == {"Gata1": 0.0, "Cebpa": 0.1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "hsc"}, "no model 'hsc'"),
        ({"n_cells": 0}, "n_cells=0"),
        ({"seed": -1}, "seed=-1"),
        ({"dropout": 1.1}, "dropout=1.1 is not a probability"),
        ({"depth": 0.0}, "depth=0.0 counts nothing"),
        ({"n_tfs": 5}, "HSC is a fixed network"),
        ({"knockouts": ["Gata3"]}, "no gene 'Gata3' in this model, whose genes are: Gata2, "),
        ({"model": "random", "n_tfs": 0}, "at least 3 TFs"),
        ({"model": "random", "depth": 2.0}, "depth=2.0 is no share"),
    ],
)
def test_impossible_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate_model(**{"model": "HSC", **arguments})
