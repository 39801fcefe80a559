from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import grn
from grn.tools import propagation
from grn.tools.knock_out import knock_out

GENES = ["A", "B", "up", "down", "free", "C"]


@pytest.fixture
def network() -> anndata.AnnData:
    """A activates B and `up` and represses `down`, B activates C; two groups of cells."""
    rng = np.random.default_rng(0)
    roots = np.empty((90, 6))
    roots[:, 0] = rng.uniform(0.2, 1.6, 90) * np.repeat([1, 0.5], [60, 30])
    noise = rng.normal(scale=0.1, size=roots.shape)
    roots[:, 1] = 0.3 + 0.6 * roots[:, 0] + noise[:, 1]
    roots[:, 2], roots[:, 3] = roots[:, 0], 2 - roots[:, 0]
    roots[:, 4], roots[:, 5] = rng.uniform(0, 2, 90), 0.2 + 0.8 * roots[:, 1]
    roots[:, 2:] += noise[:, 2:]
    weights = np.zeros((6, 6), dtype=np.float32)
    weights[0, [1, 2, 3]], weights[1, 5] = [1, 1, -1], 1
    return anndata.AnnData(
        X=np.square(np.maximum(roots, 0)).astype(np.float32),
        obs=pd.DataFrame(
            {"kind": np.repeat(["much", "little"], [60, 30])}, index=[f"c{i}" for i in range(90)]
        ),
        var=pd.DataFrame(index=GENES),
        varp={"grn": sp.csr_matrix(weights)},
    )


def test_targets_follow_the_regulator_with_their_signs(network: anndata.AnnData) -> None:
    found = knock_out(network, "A")
    assert found["gene"].tolist()[0] == "A"
    signs = found.set_index("gene")["sign"]
    assert signs[["A", "B", "up", "down", "C"]].tolist() == [-1, -1, -1, 1, -1]
    size = found.set_index("gene")["response"].abs()
    assert size["free"] < 0.2 * size[["up", "down"]].min()
    assert found["perturbed"].tolist() == [True] + 5 * [False]
    assert (found["response"].abs().iloc[1:].diff().dropna() <= 0).all()
    assert set(found["group"]) == {"all"}


def test_over_expression_is_the_opposite(network: anndata.AnnData) -> None:
    signs = knock_out(network, ["A"], overexpress=True).set_index("gene")["sign"]
    assert signs[["A", "B", "up", "down", "C"]].tolist() == [1, 1, 1, -1, 1]


def test_the_response_in_logarithms_is_that_of_the_cells(network: anndata.AnnData) -> None:
    found = knock_out(network, "A").set_index("gene")
    mean = network.to_df().mean()
    assert found.loc["A", "response_log"] == pytest.approx(-mean["A"], rel=1e-5)
    roots = np.sqrt(network.to_df()["up"])
    moved = np.maximum(roots + found.loc["up", "response"] * roots.std(ddof=0), 0) ** 2
    assert found.loc["up", "response_log"] == pytest.approx(moved.mean() - mean["up"], rel=1e-4)
    assert (mean + found["response_log"] > -1e-6).all()


def test_a_value_of_the_gene_counts(network: anndata.AnnData) -> None:
    as_it_is = np.sqrt(network.to_df()["A"]).mean() ** 2
    found = knock_out(network, {"A": float(as_it_is)})
    np.testing.assert_allclose(found["response"], 0, atol=1e-4)
    none, zero = knock_out(network, "A"), knock_out(network, {"A": 0})
    pd.testing.assert_frame_equal(none, zero)


def test_several_genes_stay_where_they_are_set(network: anndata.AnnData) -> None:
    found = knock_out(network, {"A": 0, "B": 4.0}).set_index("gene")
    assert found.loc[["A", "B"], "perturbed"].all()
    assert found.loc["B", "sign"] == 1
    assert found.loc["C", "sign"] == 1  # follows B, which A no longer regulates
    assert found.loc["up", "sign"] == -1


def test_where_there_is_more_of_it_a_loss_changes_more(network: anndata.AnnData) -> None:
    found = knock_out(network, "A", groupby="kind")
    assert found["group"].unique().tolist() == ["little", "much"]
    up = found[found["gene"] == "up"].set_index("group")["response"]
    assert up["much"] < up["little"] < 0
    alone = knock_out(network, "A", groupby="kind", group="much")
    expected = found[found["group"] == "much"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected)


def test_groups_are_those_of_the_network(network: anndata.AnnData) -> None:
    network.uns["grn"] = {"groupby": "kind"}
    assert set(knock_out(network, "A")["group"]) == {"much", "little"}
    network.uns["grn"] = {"groupby": "null"}
    assert set(knock_out(network, "A")["group"]) == {"all"}


def test_cells_in_any_format_and_order_give_the_same(network: anndata.AnnData) -> None:
    expected = knock_out(network, "A")
    sparse = network.copy()
    sparse.X = sp.csr_matrix(sparse.X)
    pd.testing.assert_frame_equal(knock_out(sparse, "A"), expected)


def test_a_gene_that_is_off_already_is_named(
    network: anndata.AnnData, caplog: pytest.LogCaptureFixture
) -> None:
    network.X[60:, 0] = 0
    knock_out(network, "A", groupby="kind")
    said = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1
    assert "A changes by less than 0.1 standard deviations in little" in said[0]


def test_what_does_not_settle_is_said(
    network: anndata.AnnData, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propagation, "N_STEPS", 2)
    knock_out(network, "A")
    assert "did not settle" in caplog.text


def test_a_model_is_taken_as_it_is(small: anndata.AnnData) -> None:
    model = grn.SphericalGRN(small, tfs=small.var_names[:4].tolist())
    found = knock_out(model, small.var_names[0])
    assert sorted(found["gene"]) == sorted(model.adata.var_names)
    pd.testing.assert_frame_equal(found, knock_out(model.to_adata(), small.var_names[0]))


@pytest.mark.parametrize(
    ("genes", "settings", "said"),
    [
        ("Z", {}, "Z: no gene of this network of 6 genes, such as A, B, up"),
        (["A", "free"], {}, "free: regulates no gene of this network"),
        ([], {}, "no gene to perturb"),
        ({"A": -1.0}, {}, "A=-1.0: expected values of log expression"),
        ({"A": 1.0}, {"overexpress": True}, "overexpress=True; expected one of them"),
        ("A", {"group": "much"}, "name the column of obs"),
        ("A", {"groupby": "kind", "group": "none"}, "expected one of: little, much"),
        ("A", {"groupby": "type"}, "type"),
    ],
)
def test_bad_requests_say_what_is_expected(
    network: anndata.AnnData, genes: Any, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(grn.InputError, match=said):
        knock_out(network, genes, **settings)


def test_without_network_or_expression_there_is_no_response(network: anndata.AnnData) -> None:
    with pytest.raises(grn.InputError, match=r"without varp\['grn'\]"):
        knock_out(anndata.AnnData(X=network.X), "A")
    without = anndata.AnnData(obs=network.obs, var=network.var, varp=dict(network.varp))
    with pytest.raises(grn.InputError, match="without the expression of its cells"):
        knock_out(without, "A")
