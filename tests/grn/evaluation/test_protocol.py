import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from grn.edges.matrix import edge_table
from grn.errors import InputError
from grn.evaluation import evaluate, evaluate_json, precision_recall

COLUMNS = [
    *("auprc", "auprc_ratio", "auroc", "early_precision_ratio", "per_tf_auroc", "sign_accuracy"),
    *("density", "n_candidates"),
]
FROM_EXPRESSION = ["target_mean", "tf_variance", "pearson", "closed_form", "closed_form_max"]


@pytest.fixture
def case():
    """Edges, signed truth and cells of the same 19 genes, 6 of them TFs."""
    rng = np.random.default_rng(0)
    genes = [f"Gene{i}" for i in range(19)]
    weight = rng.normal(size=(6, 19)).round(1)
    edges = edge_table(weight, np.abs(weight), genes[:6], genes)
    truth = edges.sample(25, random_state=1)[["source", "target"]]
    truth["sign"] = rng.choice([-1, 1], 25)
    cells = sparse.csr_matrix(np.log1p(rng.poisson(1.0, (31, 19))))
    return edges, truth, ad.AnnData(cells.astype("f4"), var=pd.DataFrame(index=genes))


def test_evaluate_has_the_promised_rows_and_columns(case):
    edges, truth, adata = case
    table = evaluate(edges, truth)
    assert list(table.columns) == COLUMNS
    assert list(table.index) == ["edges", "random"]
    table = evaluate(edges, truth, adata, extra={"untrained": edges}, training_edges=truth.head(3))
    assert list(table.index) == ["edges", "random", *FROM_EXPRESSION, "degree", "untrained"]
    assert table["n_candidates"].dtype == int
    pd.testing.assert_series_equal(table.loc["edges"], table.loc["untrained"], check_names=False)
    assert table["density"].nunique() == 1


def test_controls_know_what_they_can_know(case):
    edges, truth, adata = case
    table = evaluate(edges, truth, adata)
    assert table.loc["tf_variance", "per_tf_auroc"] == 0.5
    assert table["sign_accuracy"].isna().to_dict() == {
        **dict.fromkeys(["edges", "random", "pearson", "closed_form", "closed_form_max"], False),
        **dict.fromkeys(["target_mean", "tf_variance"], True),
    }
    perfect = edges.assign(importance=0.0, weight=0.0).merge(truth, how="left").fillna({"sign": 0})
    perfect["weight"] = perfect.pop("sign")
    best = evaluate(perfect.drop(columns="importance"), truth).loc["edges"]
    assert best["auprc"] == best["auroc"] == best["per_tf_auroc"] == best["sign_accuracy"] == 1
    assert best["early_precision_ratio"] == pytest.approx(1 / best["density"])


def test_order_of_genes_rows_and_duplicates_change_nothing(case):
    edges, truth, adata = case
    expected = evaluate(edges, truth, adata)
    order = np.random.default_rng(2).permutation(adata.n_vars)
    doubled = pd.concat([truth, truth.head(9)]).sample(frac=1, random_state=3)
    shuffled = edges.sample(frac=1, random_state=4)
    pd.testing.assert_frame_equal(evaluate(shuffled, doubled, adata[:, order].copy()), expected)


def test_renaming_every_gene_changes_nothing(case):
    edges, truth, adata = case
    expected = evaluate(edges, truth, adata)
    order = np.random.default_rng(5).permutation(adata.n_vars)
    new = {name: f"n{order[i]:02d}" for i, name in enumerate(adata.var_names)}
    edges, truth = (
        table.assign(source=table["source"].map(new), target=table["target"].map(new))
        for table in (edges, truth)
    )
    adata.var_names = [new[name] for name in adata.var_names]
    renamed = evaluate(edges, truth, adata)
    # The random control draws TF by TF, in order of names.
    pd.testing.assert_frame_equal(renamed.drop("random"), expected.drop("random"))
    assert renamed.loc["random", "auprc"] == pytest.approx(expected.loc["random", "auprc"])


def test_seed_moves_the_random_control_only(case):
    edges, truth, _ = case
    one, same, other = (evaluate(edges, truth, seed=seed, n_random=7) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert one.loc["random", "auprc"] != other.loc["random", "auprc"]
    pd.testing.assert_series_equal(one.loc["edges"], other.loc["edges"])


def test_files_and_tables_give_the_same(case, tmp_path):
    edges, truth, _ = case
    edges.to_csv(tmp_path / "edges.tsv", sep="\t", index=False)
    truth.to_csv(tmp_path / "truth.csv", index=False)
    pd.testing.assert_frame_equal(
        evaluate(tmp_path / "edges.tsv", tmp_path / "truth.csv"), evaluate(edges, truth)
    )


def test_json_has_the_documented_layout(case):
    edges, truth, adata = case
    found = json.loads(json.dumps(evaluate_json(evaluate(edges, truth, adata)), allow_nan=False))
    assert list(found) == [*COLUMNS, "controls"]
    assert list(found["controls"]) == ["random", *FROM_EXPRESSION]
    assert list(found["controls"]["random"]) == COLUMNS
    assert found["controls"]["tf_variance"]["sign_accuracy"] is None
    assert isinstance(found["n_candidates"], int)


def test_names_that_never_meet_are_an_error_and_few_a_warning(case, caplog):
    edges, truth, adata = case
    upper = truth.assign(source=truth["source"].str.upper(), target=truth["target"].str.upper())
    with pytest.raises(InputError, match=r"No TF of the truth occurs in the edges.*case"):
        evaluate(edges, upper)
    adata.var_names = [f"ENSG{i:011d}" for i in range(adata.n_vars)]
    with pytest.raises(InputError, match=r"in the expression data.*Ensembl"):
        evaluate(edges, truth, adata)
    extra = pd.concat([truth, pd.DataFrame({"source": ["Gene0"], "target": ["Q"], "sign": [1]})])
    table = evaluate(edges, extra)
    assert "1 of 19 genes of the truth do not occur in the edges" in caplog.text
    assert table.loc["edges", "n_candidates"] == 18 * truth["source"].nunique()


def test_scaled_cells_are_refused(case):
    edges, truth, adata = case
    scaled = ad.AnnData(adata.X.toarray() - 0.5, var=adata.var)
    with pytest.raises(InputError, match="negative"):
        evaluate(edges, truth, scaled)


@pytest.mark.data
@pytest.mark.parametrize(
    ("dataset", "network", "anchors"),
    [
        ("mDC", "STRING", {"closed_form": 1.80, "pearson": 1.10, "tf_variance": 1.20}),
        ("mDC", "NonSpecific", {"closed_form": 2.00, "pearson": 0.94, "tf_variance": 1.07}),
        ("mESC", "STRING", {"closed_form": 1.47, "pearson": 1.36, "target_mean": 0.96}),
        ("mESC", "NonSpecific", {"closed_form": 1.43, "tf_variance": 1.59}),
        ("mESC", "LOFGOF", {"closed_form": 1.20, "tf_variance": 1.47, "target_mean": 0.89}),
        ("hESC", "STRING", {"closed_form": 1.87, "pearson": 1.68, "target_mean": 1.40}),
        ("hESC", "NonSpecific", {"closed_form": 1.18, "pearson": 0.93}),
    ],
)
def test_controls_reproduce_the_known_numbers(shared_data, dataset, network, anchors):
    folder = shared_data / "beeline" / dataset
    adata = ad.read_h5ad(folder / "expression.h5ad")
    edges = pd.DataFrame(
        {"source": adata.var_names[:-1], "target": adata.var_names[1:], "weight": 1}
    )
    table = evaluate(edges, folder / f"edges_{network}.csv", adata)
    for control, expected in anchors.items():
        assert table.loc[control, "auprc_ratio"] == pytest.approx(expected, abs=0.02), control
    assert table.loc["tf_variance", "per_tf_auroc"] == 0.5
    assert 0.95 <= table.loc["random", "auprc_ratio"] <= 1.05


def test_curves_have_the_areas_of_the_table(case):
    edges, truth, adata = case
    options = {"extra": {"other": edges.head(20)}, "training_edges": truth.head(3)}
    curves = precision_recall(edges, truth, adata, **options)
    table = evaluate(edges, truth, adata, **options)
    assert set(curves["method"]) == set(table.index)
    for method, curve in curves.groupby("method"):
        if method == "random":
            assert (curve["precision"] == table.loc["edges", "density"]).all()
            continue
        assert curve["recall"].is_monotonic_increasing
        assert curve["recall"].iloc[-1] == 1
        area = (curve["recall"].diff().fillna(curve["recall"].iloc[0]) * curve["precision"]).sum()
        assert area == pytest.approx(table.loc[method, "auprc"]), method
