import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from grn.data.dataset import CellDataset
from grn.data.preprocessing.labels import Labels
from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from grn.inference.groups import check_groups, describe_groups, edges_by_group, infer_groups
from grn.inference.infer import infer_network
from tests.helpers import fast_config, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

UNUSED = Path("unused")


def labels_of(adata: "AnnData", *sizes: int) -> Labels:
    rest = adata.n_obs - sum(sizes)
    codes = np.repeat(np.arange(len(sizes) + 1), [*sizes, rest])
    return Labels("group", codes, [*"abcdef"[: len(sizes) + 1]])


def test_a_group_is_a_mean_of_all_cells_and_its_own(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    config, cells, labels = fast_config(UNUSED), CellDataset(adata), labels_of(adata, 30)
    shared = infer_network(config, cells, tfs)
    found = infer_groups(config, cells, tfs, labels, shared)
    assert list(found) == ["a", "b"]
    own = infer_network(config, cells, tfs, rows=np.arange(30))
    assert found["a"].own_share == pytest.approx(30 / 630)
    expected = 600 / 630 * shared.scores + 30 / 630 * own.scores
    torch.testing.assert_close(found["a"].network.scores, expected)
    assert describe_groups(found)["a"]["n_cells"] == 30


def test_small_groups_have_the_network_of_all_cells(
    small: "AnnData", caplog: pytest.LogCaptureFixture
) -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    config, cells = fast_config(UNUSED), CellDataset(adata)
    shared = infer_network(config, cells, tfs)
    with caplog.at_level(logging.WARNING):
        found = infer_groups(config, cells, tfs, labels_of(adata, 19, 3), shared)
    assert "groups of fewer than 20 cells have the network of all cells: a (19), b (3)" in (
        caplog.text
    )
    assert torch.equal(found["a"].network.scores, shared.scores)
    assert found["c"].own_share > 0


def test_table_is_tidy_and_best_first_in_each_group(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    config, cells = fast_config(UNUSED), CellDataset(adata)
    shared = infer_network(config, cells, tfs)
    found = infer_groups(config, cells, tfs, labels_of(adata, 25), shared)
    table = edges_by_group(found, tfs, adata.var_names)
    assert table.columns.tolist() == ["group", "source", "target", "weight", "importance"]
    for _, edges in table.groupby("group", observed=True):
        assert len(edges) == 4 * 16 - 4
        assert edges["importance"].is_monotonic_decreasing
    top = edges_by_group(found, tfs, adata.var_names, 3)
    assert top["group"].tolist() == ["a"] * 3 + ["b"] * 3


def test_groups_without_enough_cells_are_refused() -> None:
    codes = np.arange(40) % 4
    with pytest.raises(InputError, match="the largest of 4 groups has 10 cells; expected at"):
        check_groups(Labels("donor", codes, [*"abcd"]))
