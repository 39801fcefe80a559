import sys

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.errors import InputError
from grn.simulation.cells import simulate_model
from grn.tools.activity import activity


@pytest.fixture(scope="module")
def knocked_out():
    """Controls and knock-outs of two TFs, with the true network."""
    cells = simulate_model("random", n_cells=80, seed=3, knockouts=["TF01", "TF02"])
    return cells, cells.uns["truth"].rename(columns={"sign": "weight"})


@pytest.fixture
def cells(knocked_out):
    return knocked_out[0].copy()


@pytest.fixture
def edges(knocked_out):
    return knocked_out[1].copy()


@pytest.mark.parametrize("method", ["ulm", "aucell"])
def test_a_knocked_out_tf_loses_activity(cells, edges, method):
    activity(cells, edges, method=method)
    found = cells.obsm["activity"]
    groups = cells.obs["perturbation"].astype(str)
    means = found.groupby(groups).mean()
    spread = found.groupby(groups).std().loc["control"]
    for tf in ("TF01", "TF02"):
        assert means.loc["control", tf] - means.loc[tf, tf] > 0.5 * spread[tf]
    assert found.index.equals(cells.obs_names)
    assert cells.uns["activity"] == {"method": method, "n_targets": 10}
    assert ("activity_padj" in cells.obsm) == (method == "ulm")


def test_repressed_targets_count_against(cells, edges):
    activity(cells, edges)
    activity(cells, edges.assign(weight=-edges["weight"]), key_added="reversed")
    np.testing.assert_allclose(cells.obsm["reversed"], -cells.obsm["activity"])


def test_counts_and_their_logarithms_give_the_same(cells, edges):
    import scanpy as sc

    activity(cells, edges)
    logged = cells.copy()
    sc.pp.normalize_total(logged, target_sum=1e4)
    sc.pp.log1p(logged)
    activity(logged, edges)
    np.testing.assert_allclose(logged.obsm["activity"], cells.obsm["activity"], rtol=1e-4)
    cells.layers["raw_counts"] = cells.X.copy()
    cells.X = np.random.default_rng(0).permuted(cells.X, axis=1)
    activity(cells, edges, layer="raw_counts", key_added="of_layer")
    np.testing.assert_allclose(cells.obsm["of_layer"], logged.obsm["activity"], rtol=1e-4)


def test_each_cell_is_judged_by_the_network_of_its_group(cells, edges):
    cells.obs["half"] = np.where(np.arange(cells.n_obs) % 2, "odd", "even")
    flipped = edges.assign(weight=-edges["weight"])
    flipped = flipped[flipped["source"] != "TF03"]
    by_group = pd.concat([edges.assign(group="odd"), flipped.assign(group="even")])
    activity(cells, edges, key_added="shared")
    activity(cells, by_group, groupby="half")
    own, shared = cells.obsm["activity"], cells.obsm["shared"]
    odd = (cells.obs["half"] == "odd").to_numpy()
    both = shared.columns.drop("TF03")
    np.testing.assert_allclose(own.loc[odd], shared.loc[odd])
    np.testing.assert_allclose(own.loc[~odd, both], -shared.loc[~odd, both])
    assert own.loc[~odd, "TF03"].isna().all()
    assert own.index.equals(cells.obs_names)
    assert cells.uns["activity"]["groupby"] == "half"


def test_the_result_is_kept_in_a_file(cells, edges, tmp_path):
    activity(cells, edges)
    cells.uns.pop("truth")
    cells.write_h5ad(tmp_path / "cells.h5ad")
    again = anndata.read_h5ad(tmp_path / "cells.h5ad")
    pd.testing.assert_frame_equal(again.obsm["activity"], cells.obsm["activity"])
    assert again.uns["activity"]["n_targets"] == 10


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"method": "mlm"}, "method is 'mlm'; expected one of: ulm, aucell"),
        ({"n_targets": 0}, "n_targets is 0; expected a whole number of at least 1"),
        ({"groupby": "perturbation"}, "needs edges with a column group"),
    ],
)
def test_settings_that_do_not_fit_are_refused(cells, edges, changed, message):
    with pytest.raises(InputError, match=message):
        activity(cells, edges, **changed)
    assert not cells.obsm


def test_networks_of_other_groups_are_refused(cells, edges):
    by_group = edges.assign(group="control")
    with pytest.raises(InputError, match="groupby is None"):
        activity(cells, by_group)
    with pytest.raises(InputError, match=r"2 groups .* have no edges: TF01, TF02"):
        activity(cells, by_group, groupby="perturbation")
    cells.obs["partly"] = cells.obs["perturbation"].where(cells.obs["perturbation"] != "TF01")
    with pytest.raises(InputError, match="80 of 240 cells have no partly"):
        activity(cells, by_group, groupby="partly")


def test_without_decoupler_it_is_said_how_to_get_it(cells, edges, monkeypatch):
    monkeypatch.setitem(sys.modules, "decoupler", None)
    with pytest.raises(InputError, match=r"spherical-grn\[tools\]"):
        activity(cells, edges)
