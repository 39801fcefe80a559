import logging

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.edges.matrix import adjacency, degrees, edge_table, locate
from grn.edges.read import read_edges
from grn.errors import InputError
from grn.names.regulators import hint, match_tfs

GENES = ["g1", "A", "B", "g0"]
TFS = ["B", "A"]
WEIGHT = np.array([[0.5, -2.0, 9.0, 0.0], [0.0, 9.0, 3.0, -0.5]])


def test_edge_table_is_complete_but_self_and_best_first():
    edges = edge_table(WEIGHT, np.abs(WEIGHT), TFS, GENES)
    assert edges[["source", "target", "weight"]].to_numpy().tolist() == [
        ["A", "B", 3.0],
        ["B", "A", -2.0],
        ["A", "g0", -0.5],
        ["B", "g1", 0.5],
        ["A", "g1", 0.0],
        ["B", "g0", 0.0],
    ]
    assert edges["importance"].tolist() == [3.0, 2.0, 0.5, 0.5, 0.0, 0.0]


def test_edge_table_carries_columns_per_target_per_regulator_and_per_pair():
    per_target, per_tf = np.arange(4.0), np.array([[10.0], [20.0]])
    edges = edge_table(
        WEIGHT, np.abs(WEIGHT), TFS, GENES, norm=per_target, n=per_tf, twice=2 * WEIGHT
    )
    assert list(edges.columns[4:]) == ["norm", "n", "twice"]
    assert edges["norm"].tolist() == [GENES.index(target) for target in edges["target"]]
    assert edges["n"].tolist() == [10.0 if source == "B" else 20.0 for source in edges["source"]]
    assert edges["twice"].tolist() == (2 * edges["weight"]).tolist()


def test_edge_table_does_not_depend_on_gene_order():
    rng = np.random.default_rng(0)
    genes = [f"g{i}" for i in range(13)]
    weight = rng.integers(-2, 3, (5, 13)).astype(float)
    expected = edge_table(weight, np.abs(weight), genes[:5], genes)
    rows, columns = rng.permutation(5), rng.permutation(13)
    shuffled = weight[np.ix_(rows, columns)]
    names = [genes[i] for i in rows], [genes[j] for j in columns]
    pd.testing.assert_frame_equal(edge_table(shuffled, np.abs(shuffled), *names), expected)
    pd.testing.assert_frame_equal(read_edges(expected.sample(frac=1, random_state=1)), expected)


def test_edge_table_refuses_wrong_shapes_and_nan():
    with pytest.raises(ValueError, match="weight"):
        edge_table(WEIGHT.T, np.abs(WEIGHT), TFS, GENES)
    broken = WEIGHT.copy()
    broken[0, 0] = np.nan
    with pytest.raises(ValueError, match="importance: got \\(2, 4\\), 7 numbers finite"):
        edge_table(WEIGHT, broken, TFS, GENES)


def test_adjacency_inverts_edge_table_and_fills_unlisted_pairs():
    edges = edge_table(WEIGHT, np.abs(WEIGHT), TFS, GENES)
    matrix = adjacency(edges, TFS, GENES, fill=9.0)
    np.testing.assert_array_equal(matrix, WEIGHT)
    other = adjacency(edges.head(1), ["X", "A"], ["B", "Y"], "importance", fill=-np.inf)
    np.testing.assert_array_equal(other, [[-np.inf, -np.inf], [3.0, -np.inf]])


def test_locate_says_where_names_are_and_refuses_ambiguity():
    assert locate(["B", "X", "g1"], GENES).tolist() == [2, -1, 0]
    assert locate(pd.Index(["B"]), pd.Index(GENES)).tolist() == [2]
    with pytest.raises(InputError, match="'A' occurs twice"):
        locate(["A"], ["A", "B", "A"])


def test_degrees_count_targets_and_regulators():
    edges = pd.DataFrame({"source": ["A", "A", "B"], "target": ["g0", "B", "g0"]})
    out_degree, in_degree = degrees(edges, ["B", "A", "X"], GENES)
    assert out_degree.tolist() == [1, 2, 0]
    assert in_degree.tolist() == [0, 0, 1, 2]


def said(caplog: pytest.LogCaptureFixture) -> tuple[int, str]:
    """Return level and text of the one line that was logged."""
    (record,) = caplog.records
    return record.levelno, record.getMessage()


def test_match_tfs_keeps_gene_order_and_logs(caplog):
    with caplog.at_level(logging.INFO):
        assert match_tfs(["g0", "B", "nope", "g1", "B"], GENES) == ["g1", "B", "g0"]
    assert said(caplog) == (
        logging.INFO,
        "3 of 4 TFs are among the 4 genes: 3 exactly; not among them: nope",
    )
    assert match_tfs(None, GENES) == GENES


def test_match_tfs_spells_as_the_data_do_and_names_each_gene_once(caplog):
    genes = ["ENSG00000136997.1", "Klf4", "GATA1", "OCT4", "GATA1", "MYCN"]
    tfs = ["POU5F1", "KLF4", "GATA1", "ENSG00000136997"]
    matched = match_tfs(tfs, genes, aliases={"OCT4": "POU5F1"})
    assert matched == ["ENSG00000136997.1", "Klf4", "GATA1", "OCT4"]
    level, text = said(caplog)
    assert level == logging.WARNING
    assert (
        "1 exactly, 1 without version suffix (ENSG00000136997.1 for ENSG00000136997), "
        "1 by alias (OCT4 for POU5F1), 1 ignoring case (Klf4 for KLF4)"
    ) in text


HUMAN = ["SOX2", "GATA1", "MYC", "ZNF207"]
MOUSE = ["Sox2", "Gata1", "Myc", "Zfp207"]
UPPER_MOUSE = ["SOX2", "GATA1", "MYC", "4933434E20RIK"]


@pytest.mark.parametrize(
    ("tfs", "genes", "level", "text"),
    [
        (HUMAN, MOUSE, "WARNING", "look like human (ZNF207), the genes like mouse (Zfp207)"),
        (HUMAN[:3], MOUSE, "WARNING", "mouse symbols are written Sox2, human ones SOX2"),
        (MOUSE[:3], UPPER_MOUSE, "WARNING", "mouse symbols are written Sox2, human ones SOX2"),
        (HUMAN, UPPER_MOUSE, "WARNING", "use the list of their species (--tfs mouse)"),
        (HUMAN, HUMAN, "INFO", "4 exactly"),
        (HUMAN[:3], UPPER_MOUSE, "INFO", "3 exactly"),
        (UPPER_MOUSE, MOUSE, "INFO", "3 ignoring case (Gata1 for GATA1"),
        (UPPER_MOUSE, HUMAN[:3], "INFO", "3 exactly"),  # upper case alone is no sign of human
        (["tf1", "tf2", "tf3"], ["TF1", "TF2", "TF3"], "WARNING", "differ in case"),
        (["A", "B", "C", *HUMAN], ["A", "B", "C", *UPPER_MOUSE[3:]], "WARNING", "look like"),
    ],
)
def test_match_tfs_warns_of_names_that_may_be_of_another_species(caplog, tfs, genes, level, text):
    with caplog.at_level(logging.INFO):
        assert len(match_tfs(tfs, genes)) >= 3
    assert logging.getLevelName(said(caplog)[0]) == level
    assert text in said(caplog)[1]


@pytest.mark.parametrize(
    ("tfs", "genes", "message"),
    [
        (["SOX2", "GATA1", "MYC", "KLF4"], ["Sox2", "Actb", "Xist"], "case.*of one species"),
        (["SOX2", "GATA1"], ["ENSG00000141510", "ENSG00000181449"], "Ensembl ids.*--aliases FILE"),
        (["ENSG00000141510", "ENSG00000181449"], ["SOX2", "GATA1"], "Ensembl ids.*--aliases FILE"),
        (["ENSG00000141510"], ["ENSMUSG00000059552"], "like human.*ENSG….*like mouse.*ENSMUSG…"),
        (["ENSG00000141510.5"], ["ENSG00000141510.1", "ENSG00000141510.2"], "more than one gene"),
        (["alpha", "beta"], ["gamma", "delta"], "same species"),
        ([], ["gamma"], "None of the 0 TFs"),
        (["SOX2", "sox2"], ["Sox2", "SOX2", "Myc"], "sox2: left out, for they fit more than one"),
        (["A", "B"], GENES, "Only 2 of the 2 TFs.*Name more TFs, or none"),
    ],
)
def test_match_tfs_says_why_too_few_match(tfs, genes, message):
    with pytest.raises(InputError, match=message):
        match_tfs(tfs, genes)


def test_match_tfs_shows_both_namings():
    with pytest.raises(InputError) as raised:
        match_tfs(["SOX2", "GATA1", "MYC", "KLF4"], ["ENSG1", "ENSG2", "ENSG3", "ENSG4"])
    assert "Names asked for: GATA1, KLF4, MYC, …; genes: ENSG1, ENSG2, ENSG3, …" in str(
        raised.value
    )


def test_match_tfs_takes_any_collection():
    for names in (np.array(["A", "X"]), pd.Index(["A", "B"]), pd.Series(["X"]), {"X"}):
        with pytest.raises(InputError, match=r"of the \d TFs"):
            match_tfs(names, pd.Index(GENES))


def test_match_tfs_needs_three():
    with pytest.raises(InputError, match=r"Only 2 of the 3 TFs.*\(A, B\); at least 3"):
        match_tfs(["A", "B", "X"], GENES)


def test_match_tfs_names_the_column_that_would_match():
    ids = [f"ENSG0000000000{i}" for i in range(5)]
    symbols = ["SOX2", "GATA1", "MYC", "KLF4", None]
    var = pd.DataFrame(
        {"n_cells": range(5), "chromosome": "1", "gene_name": symbols, "biotype": "coding"}, ids
    )
    column = r"var column 'gene_name' would match 3: --gene-column gene_name \(train: data.gene_"
    with pytest.raises(InputError, match=column):
        match_tfs(["Sox2", "Gata1", "Myc"], ids, var=var)
    with pytest.raises(InputError, match=column):
        match_tfs(["SOX2", "GATA1", "MYC"], ids, var=var.astype({"gene_name": "category"}))
    with pytest.raises(InputError, match="--aliases FILE") as raised:
        match_tfs(["SOX2", "GATA1", "MYC"], ids, var=var.drop(columns="gene_name"))
    assert "--gene-column" not in str(raised.value)
    aliases = dict(zip(ids[:4], symbols, strict=False))
    assert match_tfs(["Sox2", "Gata1", "Myc"], ids, aliases=aliases, var=var) == ids[:3]


@pytest.mark.parametrize(
    ("names", "genes", "why"),
    [
        (["SOX2", "MYC"], ["Sox2", "Myc"], "2 would match if case were ignored"),
        (["ENSG00000141510.5"], ["ENSG00000141510"], "version suffix"),
        (["SOX2"], ["ENSG00000141510"], "One side is Ensembl ids"),
        (["SOX2"], ["Xkr4", "Gm1992"], "look like human (by their case), the genes like mouse"),
        (["alpha"], ["beta"], "same species and the same kind"),
    ],
)
def test_hint_says_why_names_do_not_meet(names, genes, why):
    assert why in hint(names, genes)


@pytest.mark.data
@pytest.mark.parametrize(
    ("data", "species", "level", "n_matched"),
    [
        ("beeline/mDC", "mouse", "INFO", 321),
        ("beeline/mDC", "human", "WARNING", 302),
        ("beeline/mESC", "mouse", "INFO", 90),
        ("beeline/mESC", "human", "WARNING", 96),
        ("beeline/hESC", "human", "INFO", 37),
        ("beeline/hESC", "mouse", "WARNING", 42),
    ],
)
def test_match_tfs_on_real_lists_and_cells(shared_data, caplog, data, species, level, n_matched):
    genes = anndata.read_h5ad(shared_data / data / "expression.h5ad", backed="r").var_names
    listed = (shared_data / "tf_lists" / f"{species}.txt").read_text().split()
    # Counted by other means: names in upper case that both sides have.
    assert len({gene.upper() for gene in genes} & set(map(str.upper, listed))) == n_matched
    with caplog.at_level(logging.INFO):
        assert len(match_tfs(listed, genes)) == n_matched
    assert logging.getLevelName(said(caplog)[0]) == level
