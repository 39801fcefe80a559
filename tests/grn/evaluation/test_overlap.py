import logging
from pathlib import Path

import anndata
import pandas as pd
import pytest

from grn.edges.read import read_truth
from grn.evaluation.overlap import Overlap, overlap, warn_of_overlap


def edges(*pairs: str) -> pd.DataFrame:
    return pd.DataFrame([tuple(pair) for pair in pairs], columns=["source", "target"])


TRUTH = edges("AB", "AC", "AD", "AE", "BC", "BF", "BG", "BH", "BI", "BJ", "BK", "BL")


def test_edges_outside_the_candidates_are_not_counted() -> None:
    # C is no TF of the truth, Z no gene of it, and a pair of one gene is no candidate.
    prior = edges("AB", "AC", "AF", "CB", "AZ", "AA")
    by_chance = 3 * 12 / (2 * 12 - 2)
    found = overlap(prior, TRUTH)
    assert found[:3] == (2, 3, 12)
    assert found.by_chance == pytest.approx(by_chance)
    # Of the genes at hand the truth has four edges, and F is not there.
    assert overlap(prior, TRUTH, "ABCDE")[:3] == (2, 2, 5)
    assert overlap(prior, TRUTH, "XYZ") == Overlap(0, 0, 0, 0.0)


@pytest.mark.parametrize(
    ("found", "large"),
    [
        (Overlap(11, 100, 100, 1.0), True),
        (Overlap(10, 100, 100, 1.0), False),
        (Overlap(9, 9, 100, 0.1), True),  # the prior lies inside a large truth
        (Overlap(9, 12, 100, 8.0), False),  # as chance has it in a dense truth
        (Overlap(3, 7, 100, 0.1), False),
        (Overlap(0, 0, 0, 0.0), False),
    ],
)
def test_what_is_much(found: Overlap, large: bool) -> None:
    assert found.is_large is large


def test_the_warning_has_the_numbers(caplog: pytest.LogCaptureFixture) -> None:
    prior = edges("AB", "AC", "AF")
    found = warn_of_overlap(prior, TRUTH)
    assert found.shared == 2
    (said,) = caplog.records
    assert said.levelno == logging.WARNING
    assert "holds 2 of the 12 edges of the truth (17 %)" in said.message
    assert "67 % of its 3 edges" in said.message
    caplog.clear()
    warn_of_overlap(prior.assign(importance=1.0), TRUTH)  # motifs
    warn_of_overlap(edges("AF", "AG"), TRUTH)
    assert not caplog.records


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "species", "n_shared"),
    [("mDC", "mouse", 296), ("mESC", "mouse", 128), ("hESC", "human", 73)],
)
def test_trrust_lies_whole_inside_beelines_non_specific(
    name: str, species: str, n_shared: int, shared_data: Path
) -> None:
    from grn.inference.prior import read_prior

    folder = shared_data / "beeline" / name
    genes = anndata.read_h5ad(folder / "expression.h5ad", backed="r").var_names
    trrust = read_prior(shared_data / "signed" / f"trrust_{species}.tsv", genes)
    found = overlap(trrust, read_truth(folder / "edges_NonSpecific.csv"), genes)
    assert found[:2] == (n_shared, n_shared)
    assert found.is_large
    assert not overlap(trrust, read_truth(folder / "edges_ChIP.csv"), genes).is_large
