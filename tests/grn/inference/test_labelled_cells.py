from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from grn.data.preprocessing.perturbed_obs import PERTURBATION
from grn.errors import InputError
from grn.inference import labelled_cells
from grn.inference.labelled_cells import prepare_labelled
from tests.helpers import fast_config, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData


def prepared(adata: "AnnData", *overrides: str, **given: Any) -> tuple["AnnData", list[str]]:
    config = fast_config(Path("unused"), *overrides)
    given = {"tfs": tfs_of(adata), "layer": None, "aliases": None, **given}
    return prepare_labelled(config, adata, **given)


def test_labels_are_beside_the_preprocessed_cells(screen: "AnnData") -> None:
    before = screen.obs.columns.tolist()
    cells, tfs = prepared(screen, "data.perturbations=guide", "data.perturbation_kind=knock-down")
    assert tfs == tfs_of(screen)
    assert cells.obs[PERTURBATION].tolist()[:5] == [
        "control",
        "TF01 knock-down",
        "TF01 knock-down",
        "TF01+TF02 knock-down",
        "ABSENT knock-down",
    ]
    assert screen.obs.columns.tolist() == before
    plain, _ = prepared(screen)
    assert PERTURBATION not in plain.obs


def test_aliases_serve_labels_as_they_serve_regulators(screen: "AnnData") -> None:
    cells, tfs = prepared(
        screen,
        "data.perturbations=guide",
        aliases={"ABSENT": "TF03"},
        tfs=["TF01", "TF02", "ABSENT"],
    )
    assert tfs == ["TF01", "TF02", "TF03"]
    assert cells.obs[PERTURBATION].iloc[4] == "TF03 knock-out"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.perturbations=nothing"], "obs has no such column"),
        (["data.groupby=nothing"], "obs has no such column"),
        (["data.control=NT"], "without --perturbations"),
        (["data.perturbations=guide", "data.control=none"], "no cell has this label"),
    ],
)
def test_labels_are_refused_before_preprocessing(
    screen: "AnnData", monkeypatch: pytest.MonkeyPatch, overrides: list[str], message: str
) -> None:
    monkeypatch.setattr(labelled_cells, "prepare", lambda *_, **__: pytest.fail("too late"))
    with pytest.raises(InputError, match=message):
        prepared(screen, *overrides)
