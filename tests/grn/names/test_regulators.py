"""Matching of requested regulators to genes, and the messages if few or doubtful ones match."""

import logging

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.errors import InputError
from grn.names.regulators import hint, match_tfs

GENES = ["g1", "A", "B", "g0"]


def said(caplog: pytest.LogCaptureFixture) -> tuple[int, str]:
    """Return level and text of the one line that was logged."""
    (record,) = caplog.records
    return record.levelno, record.getMessage()


def test_match_tfs_keeps_gene_order_and_logs(caplog):
    with caplog.at_level(logging.INFO):
        assert match_tfs(["g0", "B", "nope", "g1", "B"], GENES).found == ["g1", "B", "g0"]
    assert said(caplog) == (
        logging.INFO,
        "3 of 4 TFs are among the 4 genes: 3 exactly; not among them: nope",
    )


def test_match_tfs_spells_as_the_data_do_and_names_each_gene_once(caplog):
    genes = ["ENSG00000136997.1", "Klf4", "GATA1", "OCT4", "GATA1", "MYCN"]
    tfs = ["POU5F1", "KLF4", "GATA1", "ENSG00000136997"]
    matched = match_tfs(tfs, genes, aliases={"OCT4": "POU5F1"}).found
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
FISH = ["sox2", "gata1", "myc", "si:ch211-1a2.3", "zgc:112234"]
UPPER_FISH = [name.upper() for name in FISH]
COPIED = ["SOX9", "PAX6", "FOXA1"]
COPIES = [f"{name}{letter}" for name in COPIED for letter in "AB"]


@pytest.mark.parametrize(
    ("tfs", "genes", "level", "text"),
    [
        (HUMAN, MOUSE, "WARNING", "look like human (ZNF207), the genes like mouse (Zfp207)"),
        (HUMAN[:3], MOUSE, "WARNING", "mouse symbols are written Sox2, human ones SOX2"),
        (MOUSE[:3], UPPER_MOUSE, "WARNING", "mouse symbols are written Sox2, human ones SOX2"),
        (HUMAN, UPPER_MOUSE, "WARNING", "use the list of their species (--tfs mouse)"),
        (HUMAN, HUMAN, "INFO", "4 exactly"),
        (HUMAN[:3], UPPER_MOUSE, "INFO", "3 exactly"),
        (HUMAN, FISH, "WARNING", "the genes like zebrafish (si:ch211-1a2.3, zgc:112234): use the"),
        (HUMAN, UPPER_FISH, "WARNING", "of their species (--tfs FILE)"),
        (HUMAN[:3], FISH[:3], "WARNING", "those of fish and others sox2"),
        ([*HUMAN[:3], *COPIED], [*HUMAN[:3], *COPIES], "WARNING", "named a and b (FOXA1a"),
        (HUMAN[:3], UPPER_FISH, "INFO", "3 exactly"),  # a list written for these cells
        (UPPER_MOUSE, MOUSE, "INFO", "3 ignoring case (Gata1 for GATA1"),
        (UPPER_MOUSE, HUMAN[:3], "INFO", "3 exactly"),  # upper case alone is no sign of human
        (["tf1", "tf2", "tf3"], ["TF1", "TF2", "TF3"], "WARNING", "differ in case"),
        (["A", "B", "C", *HUMAN], ["A", "B", "C", *UPPER_MOUSE[3:]], "WARNING", "look like"),
    ],
)
def test_match_tfs_warns_of_names_that_may_be_of_another_species(caplog, tfs, genes, level, text):
    with caplog.at_level(logging.INFO):
        assert len(match_tfs(tfs, genes).found) >= 3
    assert logging.getLevelName(said(caplog)[0]) == level
    assert text in said(caplog)[1]


@pytest.mark.parametrize(
    ("tfs", "genes", "message"),
    [
        (["SOX2", "GATA1", "MYC", "KLF4"], ["Sox2", "Actb", "Xist"], "case.*of one species"),
        (["SOX2", "GATA1"], ["ENSG00000141510", "ENSG00000181449"], "Ensembl ids.*--aliases FILE"),
        (["ENSG00000141510", "ENSG00000181449"], ["SOX2", "GATA1"], "Ensembl ids.*--aliases FILE"),
        (["ENSG00000141510"], ["ENSMUSG00000059552"], "like human.*ENSG….*like mouse.*ENSMUSG…"),
        (["ENSG00000141510.5"], ["ENSG00000141510.1", "ENSG00000141510.2"], "several genes"),
        (["alpha", "beta"], ["gamma", "delta"], "same species"),
        ([], ["gamma"], "None of the 0 TFs"),
        (["SOX2", "sox2"], ["Sox2", "SOX2", "Myc"], "sox2: left out, because each"),
        (["A", "B"], GENES, "Only 2 of the 2 TFs.*Name more TFs, or none"),
    ],
)
def test_match_tfs_says_why_too_few_match(tfs, genes, message):
    with pytest.raises(InputError, match=message):
        match_tfs(tfs, genes)


def test_match_tfs_names_repeated_symbols(caplog):
    genes = ["SOX2", "SOX2-1", "GATA1", "MYC", "MYC-1", "MYC-2", "NKX2-1"]
    assert match_tfs(["SOX2", "GATA1", "MYC"], genes).found == ["SOX2", "GATA1", "MYC"]
    assert "2 TF(s) also occur with a number" in caplog.text
    assert "(MYC-1, SOX2-1)" in caplog.text
    caplog.clear()
    match_tfs(["GATA1", "NKX2-1", "SOX2-1"], genes)
    assert not caplog.text


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
    assert match_tfs(["Sox2", "Gata1", "Myc"], ids, aliases=aliases, var=var).found == ids[:3]


@pytest.mark.parametrize(
    ("names", "genes", "why"),
    [
        (["SOX2", "MYC"], ["Sox2", "Myc"], "2 would match if case were ignored"),
        (["ENSG00000141510.5"], ["ENSG00000141510"], "version suffix"),
        (["SOX2"], ["ENSG00000141510"], "One side uses Ensembl ids"),
        (
            ["SOX2", "MYC", "KLF4"],
            ["Xkr4", "Gm1992"],
            "look like human (by their case), the genes like mouse (Gm1992)",
        ),
        # Two names are no evidence, and barcodes are of no species.
        (["SOX2", "MYC"], ["Xkr4", "Actb"], "Check that both are the same species"),
        (["Sox2", "Myc", "Klf4"], ["AAACCTGAGAAACCAT-1", "AAACCTGAGAAACCGC-1"], "transposed"),
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
        assert len(match_tfs(listed, genes).found) == n_matched
    assert logging.getLevelName(said(caplog)[0]) == level
