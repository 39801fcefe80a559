import json
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from grn.export.network import network_adata, write_network

EDGES = pd.DataFrame(
    {"source": ["B", "A", "A"], "target": ["C", "B", "C"], "weight": [-2.0, 1.0, 0.0]}
).assign(importance=[2.0, 1.0, 0.0])


@pytest.fixture
def cells():
    counts = sparse.csr_matrix(np.arange(12, dtype="f4").reshape(4, 3))
    adata = ad.AnnData(counts, var=pd.DataFrame({"length": [1, 2, 3]}, index=["A", "B", "C"]))
    adata.obs["day"] = ["d0", "d0", "d1", "d1"]
    adata.layers["counts"] = counts.copy()
    return adata


def test_network_h5ad_holds_cells_network_and_provenance(cells, tmp_path):
    provenance = {
        **{"seed": 3, "tfs": None, "path": Path("cells.h5ad"), "steps": [1, 2], "version": "0.1"},
        "model": {"n_heads": np.int64(2), "lr": 3e-3, "compiled": False},
    }
    write_network(EDGES, cells, tmp_path / "network.h5ad", provenance)
    found = ad.read_h5ad(tmp_path / "network.h5ad")
    np.testing.assert_array_equal(found.X.toarray(), cells.X.toarray())
    pd.testing.assert_frame_equal(found.var, cells.var)
    assert found.obs["day"].tolist() == cells.obs["day"].tolist()
    network = found.varp["grn"]
    assert sparse.issparse(network)
    assert network.format == "csr"
    assert network.dtype == np.float32
    assert network.nnz == 2
    assert network.toarray().tolist() == [[0, 1, 0], [0, 0, -2], [0, 0, 0]]
    stored = found.uns["grn"]
    assert (stored["seed"], stored["version"], stored["path"]) == (3, "0.1", "cells.h5ad")
    assert json.loads(stored["tfs"]) is None
    assert json.loads(stored["steps"]) == [1, 2]
    assert stored["model"] == {"n_heads": 2, "lr": 3e-3, "compiled": False}
    assert [file.name for file in tmp_path.iterdir()] == ["network.h5ad"]


def test_layers_and_embeddings_are_kept(cells, tmp_path):
    cells.obsm["X_umap"] = np.arange(8.0).reshape(4, 2)
    cells.obsm["scores"] = pd.DataFrame({"odd": [[1], [2], [3], [4]]}, index=cells.obs_names)
    cells.obsp["distances"] = sparse.eye(4, format="csr")
    cells.varm["PCs"] = np.ones((3, 2))
    write_network(EDGES, cells, tmp_path / "network.h5ad", {})
    found = ad.read_h5ad(tmp_path / "network.h5ad")
    np.testing.assert_array_equal(found.layers["counts"].toarray(), cells.X.toarray())
    np.testing.assert_array_equal(found.obsm["X_umap"], cells.obsm["X_umap"])
    assert found.obsm["scores"]["odd"].tolist() == ["[1]", "[2]", "[3]", "[4]"]
    assert found.obsp["distances"].nnz == 4
    np.testing.assert_array_equal(found.varm["PCs"], cells.varm["PCs"])
    assert set(found.varp) == {"grn"}


def test_confidence_stands_beside_the_network_where_there_is_some(cells):
    assert list(network_adata(EDGES, cells, {}).varp) == ["grn"]
    edges = EDGES.assign(stability=[1.0, 0.0, 0.5], fdr=[0.1, 1.0, 1.0], row_norm=1.0)
    found = network_adata(edges, cells, {}).varp
    assert set(found) == {"grn", "grn_stability", "grn_fdr"}
    assert found["grn_stability"].toarray().tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 0]]
    # A pair that is stored has a value, be it 0.
    for name in ("grn_stability", "grn_fdr"):
        assert found[name].nnz == found["grn"].nnz == 2


def test_the_given_cells_stay_as_they_are(cells):
    network_adata(EDGES, cells, {})
    assert "grn" not in cells.varp
    assert "grn" not in cells.uns


def test_cells_on_disk_are_not_copied_beside_the_network(cells, tmp_path):
    cells.write_h5ad(tmp_path / "cells.h5ad")
    on_disk = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    assert network_adata(EDGES, on_disk, {}).shape == (4, 3)
    write_network(EDGES, on_disk, tmp_path / "network.h5ad", {"seed": 3})
    found = ad.read_h5ad(tmp_path / "network.h5ad")
    assert found.X is None
    assert found.uns["grn"]["X"].startswith("left out")
    pd.testing.assert_frame_equal(found.var, cells.var)
    assert found.obs["day"].tolist() == cells.obs["day"].tolist()
    assert found.varp["grn"].nnz == 2
    write_network(EDGES, cells, tmp_path / "whole.h5ad", {})
    assert "X" not in ad.read_h5ad(tmp_path / "whole.h5ad").uns["grn"]


def test_an_edge_of_an_unknown_gene_is_an_error(cells):
    with pytest.raises(ValueError, match=r"1 edges are not among.*\('A', 'X'\)"):
        network_adata(EDGES.replace({"target": {"B": "X"}}), cells, {})
