from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from grn.inference.networks import Networks, group_labels
from tests.helpers import fast_config, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

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
