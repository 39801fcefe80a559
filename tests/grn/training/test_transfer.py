from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import torch

from grn.data.dataset import CellDataset
from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from grn.readout import read_attention, read_edges_off
from grn.simulation.random_network import simulate
from grn.training.fit import build_module
from grn.training.transfer import load_parameters, read_checkpoint
from tests.helpers import fast_config, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.training.module import DenoisingModule

    Trained = tuple[DenoisingModule, AnnData, list[str]]


@pytest.fixture
def checkpoint(trained: "Trained", tmp_path: Path) -> Path:
    module = trained[0]
    path = tmp_path / "model.ckpt"
    torch.save({"state_dict": module.state_dict(), **module.origin()}, path)
    return path


def build(adata: "AnnData", tfs: list[str], *overrides: str) -> "DenoisingModule":
    return build_module(fast_config(Path("unused"), *overrides), CellDataset(adata), tfs)


def edges_of(module: "DenoisingModule") -> pd.DataFrame:
    return read_edges_off(read_attention(module.network), module.names["tfs"], _genes(module))


def _genes(module: "DenoisingModule") -> list[str]:
    return module.names["genes"]


def test_same_cells_give_the_same_edges(trained: "Trained", checkpoint: Path) -> None:
    module, adata, tfs = trained
    applied = build(adata, tfs)
    assert not edges_of(applied).equals(edges_of(module))
    load_parameters(applied, read_checkpoint(checkpoint))
    pd.testing.assert_frame_equal(edges_of(applied), edges_of(module), check_exact=True)


def test_same_cells_are_recognised_whatever_the_seed(trained: "Trained", checkpoint: Path) -> None:
    module, adata, tfs = trained
    applied = build(adata, tfs, "seed=5")
    load_parameters(applied, read_checkpoint(checkpoint))
    pd.testing.assert_frame_equal(edges_of(applied), edges_of(module), check_exact=True)


@pytest.fixture(scope="module")
def other_cells() -> "AnnData":
    """Other cells, of which 5 TFs and 20 targets are named as those trained on; reversed."""
    adata = simulate(n_tfs=7, n_targets=26, n_cells=90, seed=8)
    names = adata.var_names.to_series()
    names[5:7] = ["NEW1", "NEW2"]
    names[-6:] = [f"OTHER{i}" for i in range(6)]
    adata.var_names = names.to_list()
    return preprocess(adata[:, ::-1].copy())


def test_other_cells_take_biases_by_name(
    trained: "Trained",
    checkpoint: Path,
    other_cells: "AnnData",
    caplog: pytest.LogCaptureFixture,
) -> None:
    module = trained[0]
    tfs = tfs_of(other_cells)
    applied, fresh = build(other_cells, tfs), build(other_cells, tfs)
    with caplog.at_level("INFO", logger="grn"):
        load_parameters(applied, read_checkpoint(checkpoint))
    assert f"25 of {other_cells.n_vars} genes and 5 of 7 regulators known by name" in caplog.text
    theirs, ours = module.network, applied.network
    for row, gene in enumerate(_genes(applied)):
        known = gene in _genes(module)
        expected = theirs.gain[_genes(module).index(gene)] if known else fresh.network.gain[row]
        assert ours.gain[row] == expected, gene
        for column, tf in enumerate(tfs):
            bias = ours.attention.bias[0, row, column]
            if known and tf in module.names["tfs"]:
                there = _genes(module).index(gene), module.names["tfs"].index(tf)
                assert bias == theirs.attention.bias[0][there], (tf, gene)
            else:
                assert bias == 0, (tf, gene)


def test_other_cells_keep_their_own_profiles(
    trained: "Trained", checkpoint: Path, other_cells: "AnnData"
) -> None:
    applied, fresh = (build(other_cells, tfs_of(other_cells)) for _ in range(2))
    load_parameters(applied, read_checkpoint(checkpoint))
    attention, unchanged = applied.network.attention, fresh.network.attention
    for name in ("tokens", "scale", "tf_index", "own_key"):
        assert torch.equal(getattr(attention, name), getattr(unchanged, name)), name
    assert torch.equal(applied.network.statistics, fresh.network.statistics)
    for name, value in trained[0].network.value_network.state_dict().items():
        assert torch.equal(applied.network.value_network.state_dict()[name], value)
    assert np.isfinite(edges_of(applied)["importance"]).all()


def test_cells_without_a_known_gene_are_refused(checkpoint: Path, other_cells: "AnnData") -> None:
    strangers = other_cells.copy()
    strangers.var_names = [f"x{i}" for i in range(strangers.n_vars)]
    applied = build(strangers, tfs_of(strangers))
    with pytest.raises(InputError, match=r"No regulator or target.*TF01.*x0.*Check species"):
        load_parameters(applied, read_checkpoint(checkpoint))


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    with pytest.raises(InputError, match="no checkpoint at"):
        read_checkpoint(path)
    with pytest.raises(InputError, match="no checkpoint at"):
        read_checkpoint(tmp_path)
    for content in (b"", b"text", bytes(range(200))):
        path.write_bytes(content)
        with pytest.raises(InputError, match="not a checkpoint of this project"):
            read_checkpoint(path)
    for other in ([1], {"state_dict": {}}, {"state_dict": {}, "grn": {"genes": [], "tfs": []}}):
        torch.save(other, path)
        with pytest.raises(InputError, match="not a checkpoint of this project"):
            read_checkpoint(path)
