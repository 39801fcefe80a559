from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from grn.data.preprocessing.perturbations import read_perturbations
from grn.data.preprocessing.perturbed_obs import (
    PERTURBATION,
    annotate,
    as_interventions,
    describe_perturbations,
    interventions_of,
)
from grn.data.preprocessing.preprocess import preprocess
from tests.helpers import cells_of

if TYPE_CHECKING:
    from anndata import AnnData

LABELS = ["control", "g1", "g1+g2", "g2", "h9", "g7", "unknown"]


def test_groups_and_doses() -> None:
    names = [
        "control",
        "B activation",
        "A+C knock-down",
        "B knock-out",
        "unknown",
        "A+X knock-out",
    ]
    of_cell = pd.Series([*names, "B activation", None])
    found = as_interventions(of_cell, ["A", "B", "C"])
    assert found is not None
    dose = [found.dose[group].tolist() if group >= 0 else None for group in found.group]
    zero, b, a_and_c = [0, 0, 0], [0, 1, 0], [-0.5, 0, -0.5]
    assert dose == [zero, b, a_and_c, [0, -1, 0], None, None, b, None]
    assert len(found.dose) == 4
    assert not found.dose[0].any()
    assert as_interventions(of_cell, ["D"]) is None


@pytest.fixture
def adata() -> "AnnData":
    """70 cells of 8 genes; gene g7 is seen in 2 cells only."""
    values = np.random.default_rng(0).poisson(3.0, (70, 8)).astype(np.float32)
    values[:, 7] = np.arange(70) < 2
    adata = cells_of(values)
    adata.obs["label"] = [LABELS[number % 7] for number in range(70)]
    return adata


def test_labels_stay_with_their_cells(adata: "AnnData", caplog: pytest.LogCaptureFixture) -> None:
    read = read_perturbations(adata.obs, "label", adata.var_names, kind="knock-down")
    assert interventions_of(adata) is None
    cells = preprocess(adata[::-1].copy(), min_counts=18)
    assert 20 < cells.n_obs < 70
    annotate(cells, read)
    found = interventions_of(cells)
    assert found is not None
    assert "g7" not in cells.var_names
    expected = {"control": [0] * 7, "g1": [0, -0.5, 0, 0, 0, 0, 0], "g2": [0, 0, -0.5, 0, 0, 0, 0]}
    expected["g1+g2"] = [0, -0.5, -0.5, 0, 0, 0, 0]
    for label, group in zip(cells.obs["label"], found.group, strict=True):
        assert (found.dose[group].tolist() if group >= 0 else None) == expected.get(label)
    assert "1 perturbed gene(s) were removed in preprocessing" in caplog.text
    assert ": g7." in caplog.text
    sizes = cells.obs["label"].value_counts()
    assert describe_perturbations(cells) == {
        "key": "label",
        "kinds": {"knock-down": int(cells.n_obs - sizes["control"] - sizes["unknown"])},
        "kinds_from": "given",
        "n_perturbed_genes": 2,
        "n_perturbed_cells": int(sizes[["g1", "g2", "g1+g2"]].sum()),
        "n_control_cells": sizes["control"],
        "n_other_cells": int(sizes[["h9", "g7", "unknown"]].sum()),
        "unmeasured_genes": ["h9"],
        "removed_genes": ["g7"],
    }


def test_cells_without_a_perturbed_gene_are_those_of_no_labels(
    adata: "AnnData", caplog: pytest.LogCaptureFixture
) -> None:
    adata.obs["label"] = np.where(np.arange(70) % 2, "g7", "control")
    read = read_perturbations(adata.obs, "label", adata.var_names, kind="knock-out")
    cells = preprocess(adata)
    annotate(cells, None)
    assert PERTURBATION not in cells.obs
    annotate(cells, read)
    assert interventions_of(cells) is None
    assert "no perturbed gene is left: the labels are not used" in caplog.text
    summary = describe_perturbations(cells)
    assert summary is not None
    assert (summary["n_perturbed_cells"], summary["n_control_cells"]) == (0, 35)


def test_nothing_is_left_of_the_labels_of_another_run(adata: "AnnData") -> None:
    read = read_perturbations(adata.obs, "label", adata.var_names, kind="knock-down")
    cells = preprocess(adata)
    annotate(cells, read)
    annotate(cells, None)
    assert interventions_of(cells) is None
    assert describe_perturbations(cells) is None
    assert list(cells.obs) == ["label"]


def test_cells_that_are_all_perturbed_alike_are_warned_of(
    adata: "AnnData", caplog: pytest.LogCaptureFixture
) -> None:
    adata.obs["label"] = np.where(np.arange(70) % 2, "g1", "ABSENT")
    read = read_perturbations(adata.obs, "label", adata.var_names, kind="knock-out")
    cells = preprocess(adata)
    annotate(cells, read)
    assert "nothing to compare them with: the labels are not used" in caplog.text
