from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from grn.data.preprocessing.perturbed_obs import annotate
from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from grn.inference.networks import Networks, group_labels, perturbations_of
from tests.helpers import fast_config, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.interventions import Interventions

UNUSED = Path("unused")


@pytest.fixture
def labelled(small: "AnnData") -> "AnnData":
    adata = preprocess(small)
    adata.obs["half"] = np.where(np.arange(adata.n_obs) % 2, "odd", "even")
    return adata


def test_what_settings_do_not_change_stays_found(labelled: "AnnData") -> None:
    networks = Networks(fast_config(UNUSED), labelled, tfs_of(labelled))
    found = networks.shared
    assert networks.with_settings(fast_config(UNUSED, "optimizer.lr=0.5")).shared is found
    other = networks.with_settings(fast_config(UNUSED, "model.max_cells=30")).shared
    assert not torch.equal(other.scores, found.scores)


def test_batches_are_centred_and_said(
    labelled: "AnnData", caplog: pytest.LogCaptureFixture
) -> None:
    labelled.X = labelled.X + 2.0 * (labelled.obs["half"] == "odd").to_numpy()[:, None]
    tfs = tfs_of(labelled)
    with caplog.at_level("INFO"):
        centred = Networks(fast_config(UNUSED, "data.batch=half"), labelled, tfs).shared
    assert "centring within the batches of half removes" in caplog.text
    plain = Networks(fast_config(UNUSED), labelled, tfs).shared
    assert centred.belief["dominance"] < plain.belief["dominance"]


def test_groups_need_labels(labelled: "AnnData") -> None:
    with pytest.raises(InputError, match="the cells are in no groups"):
        _ = Networks(fast_config(UNUSED), labelled, tfs_of(labelled)).groups
    assert group_labels(fast_config(UNUSED), labelled) is None


def test_provenance_says_how_groups_were_made(labelled: "AnnData") -> None:
    networks = Networks(fast_config(UNUSED, "data.groupby=half"), labelled, tfs_of(labelled))
    said = networks.provenance
    assert said["groupby"] == "half"
    assert set(said["groups"]) == {"even", "odd"}
    assert networks.edges_by_group(2)["group"].tolist() == ["even"] * 2 + ["odd"] * 2


def test_every_network_is_told_of_the_perturbations_of_its_cells(
    screen: "AnnData", told: "list[Interventions | None]"
) -> None:
    config = fast_config(UNUSED, "data.perturbations=guide", "data.groupby=half")
    adata = preprocess(screen)
    adata.obs["half"] = np.where(np.arange(adata.n_obs) < 35, "first", "second")
    annotate(adata, perturbations_of(config, screen))
    networks = Networks(config, adata, tfs_of(adata))
    assert set(networks.groups) == {"first", "second"}
    networks.differences("first", "second", n_bootstraps=5, replicate=None)
    expected = np.tile([0, 1, 1, 2, -1], 12)
    shared, first, second = told[:3]
    assert shared is not None
    assert first is not None
    assert second is not None
    assert shared.group.tolist() == expected.tolist()
    assert first.group.tolist() == expected[:35].tolist()
    assert second.group.tolist() == expected[35:].tolist()
    assert shared.dose[:, :2].tolist() == [[0, 0], [-1, 0], [-1, -1]]
    assert len(told) == 3 + 10
    for drawn in told[3:]:  # as many cells of each group, with their labels
        assert drawn is not None
        assert len(drawn.group) == 25
        assert len(set(drawn.group.tolist())) > 2
    said = networks.provenance["perturbations"]
    assert (said["key"], said["kinds_from"]) == ("guide", "assumed")
    assert (said["n_perturbed_genes"], said["n_perturbed_cells"]) == (2, 36)
    assert (said["n_control_cells"], said["unmeasured_genes"]) == (12, ["ABSENT"])
    again = networks.with_settings(fast_config(UNUSED, "seed=1")).cells.interventions(range(60))
    assert again is not None
    assert again.group.tolist() == expected.tolist()


def test_a_group_of_cells_perturbed_alike_says_nothing_of_effects(
    screen: "AnnData", told: "list[Interventions | None]"
) -> None:
    config = fast_config(UNUSED, "data.perturbations=guide", "data.groupby=half")
    screen.obs["guide"] = np.where(np.arange(60) < 30, "TF01", "NT")
    adata = preprocess(screen)
    adata.obs["half"] = screen.obs["guide"].to_numpy()
    annotate(adata, perturbations_of(config, screen))
    networks = Networks(config, adata, tfs_of(adata))
    assert set(networks.groups) == {"NT", "TF01"}
    shared, *of_groups = told
    assert shared is not None
    assert of_groups == [None, None]


def test_batches_whose_cells_are_perturbed_alike_are_warned_of(
    screen: "AnnData", told: "list[Interventions | None]", caplog: pytest.LogCaptureFixture
) -> None:
    config = fast_config(UNUSED, "data.perturbations=guide", "data.batch=half")
    guides = screen.obs["guide"].to_numpy()
    adata = preprocess(screen)
    annotate(adata, perturbations_of(config, screen))
    adata.obs["half"] = np.where(np.isin(guides, ["TF02+TF01", "ABSENT"]), "b1", "b2")
    assert Networks(config, adata, tfs_of(adata)).shared is not None
    assert "12 of 36 perturbed cells are in batches of half whose cells are all" in caplog.text
    caplog.clear()
    adata.obs["half"] = np.where(np.arange(60) < 30, "b1", "b2")
    assert Networks(config, adata, tfs_of(adata)).shared is not None
    assert "perturbed alike" not in caplog.text
    assert len(told) == 2


def test_without_labels_nothing_is_known_of_perturbations(
    screen: "AnnData", told: "list[Interventions | None]"
) -> None:
    networks = Networks(fast_config(UNUSED), preprocess(screen), tfs_of(screen))
    assert networks.shared is not None
    assert told == [None]
    assert networks.provenance["perturbations"] is None
    assert perturbations_of(fast_config(UNUSED), screen) is None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.control=NT", "got --control NT without --perturbations"),
        ("data.perturbation_kind=knock-out", "got --perturbation-kind knock-out without"),
    ],
)
def test_what_is_said_of_perturbations_needs_their_column(
    screen: "AnnData", override: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        perturbations_of(fast_config(UNUSED, override), screen)
