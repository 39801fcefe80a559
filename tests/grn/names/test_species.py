"""Of which species gene names are: what is evidence, and what is not."""

from pathlib import Path

import anndata
import pandas as pd
import pytest

from grn.names.species import are_barcodes, detect_species, doubled


@pytest.mark.parametrize(
    ("names", "species", "weak"),
    [
        (["ENSG00000181449.5", "ENSG00000136997", "SOX2"], "human", False),
        (["ENSMUSG00000074637", "ensmusg00000022346", "SOX2"], "mouse", False),
        (["ENSRNOG00000012345", "ENSRNOG00000012346"], "rat", False),
        (["ENSDARG00000012345", "ENSDARG00000012346"], "zebrafish", False),
        (["ENSXETG00000012345", "ENSXETG00000012346"], None, False),
        (["ACTB", "4933434E20RIK", "SOX2"], "mouse", False),
        (["ACTB", "GM10039", "H2-D1", "ZFP148"], "mouse", False),
        (["Actb", "Sox2", "mt-Nd1"], "mouse", False),
        (["ACTB", "C11orf46", "SOX2"], "human", False),
        (["Hla-a", "Linc00461", "Myc"], "human", False),
        (["ACTB", "SOX2", "MT-ND1"], "human", False),
        (["HLA-A", "H2-D1", "SOX2", "ACTB"], "human", True),  # both or neither: case decides
        (["Sox2", "Actb", "Myc"], "mouse", True),
        (["SOX2", "ACTB", "ZFP36", "GM2A"], "human", True),
        (["Sox2", "ACTB", "Myc", "MYCN"], None, True),
        (["sox2", "actb1", "si:ch211-1a2.3", "zgc:112234"], "zebrafish", False),
        (["SOX2", "ACTB1", "SI:CH211-1A2.3", "ZGC:112234"], "zebrafish", False),
        (["sox2", "actb1", "mt-nd1"], "zebrafish", False),
        # One name of many, or two, are no evidence.
        (["SOX2", "ACTB", "GM12878", *(f"GENE{i}" for i in range(20))], "human", True),
        (["sox2", "zgc:112234", *(f"gene{i}" for i in range(20))], None, True),
        (["SOX2", "ACTB"], None, True),
        (["Sox2", "Actb"], None, True),
        (["g1", "g2"], None, True),
        (["G1", "G2"], None, True),
        ([], None, True),
    ],
)
def test_species_by_their_names(names: list[str], species: str | None, weak: bool) -> None:
    detected = detect_species(names)
    assert (detected.name, detected.weak) == (species, weak)


@pytest.mark.data
@pytest.mark.parametrize(
    ("data", "species"),
    [
        ("beeline/mDC", "mouse"),
        ("beeline/mESC", "mouse"),
        ("beeline/hESC", "human"),
        ("mccalla/mESC_Semrau", "mouse"),
    ],
)
def test_species_of_the_shared_cells(shared_data: Path, data: str, species: str) -> None:
    adata = anndata.read_h5ad(shared_data / data / "expression.h5ad", backed="r")
    detected = detect_species(adata.var_names)
    assert (detected.name, detected.weak) == (species, False)


@pytest.mark.data
def test_species_of_lists_and_of_simulated_cells(shared_data: Path) -> None:
    for species in ("human", "mouse"):
        listed = (shared_data / "tf_lists" / f"{species}.txt").read_text().split()
        assert detect_species(listed)[::2] == (species, False)
    models = sorted(shared_data.glob("beeline_simulated/*/*_2000_0/ExpressionData.csv"))
    assert len(models) == 10
    assert all(detect_species(pd.read_csv(path, index_col=0).index).weak for path in models)
    dream = shared_data / "dream4" / "size100_multifactorial_1" / "expression.h5ad"
    assert detect_species(anndata.read_h5ad(dream).var_names).name is None


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["AAACCTGAGAAACCAT-1", "AAACCTGAGAAACCGC-1"], True),
        (["s1_AAACCTGAGAAACCAT", "s2#AAACCTGAGAAACCGC-1"], True),
        (["SOX2", "GATA1", "GATA2", "CAT"], False),
        (["cell1", "cell2"], False),
        ([], False),
    ],
)
def test_barcodes_are_no_genes(names: list[str], expected: bool) -> None:
    assert are_barcodes(names) == expected


def test_copies_of_fish_are_more_than_a_few() -> None:
    genes = ["sox9a", "sox9b", "HOXA1A", "HOXA1B", "pax6a", "Pax6b", "myc", "klf2a"]
    asked = ["SOX9", "HOXA1", "PAX6", "MYC", "KLF2"]
    assert doubled(asked, genes) == ["SOX9", "HOXA1", "PAX6"]
    assert doubled(asked[:2], genes) == []
    assert doubled([*asked, *(f"T{i}" for i in range(400))], genes) == []
