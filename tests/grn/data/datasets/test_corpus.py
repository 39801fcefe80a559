"""The corpus: cut by variance after normalisation, judged by whole networks of the species."""

from pathlib import Path

import anndata
import numpy as np
import pytest
import scipy.sparse as sp

import grn
from grn.data.datasets import corpus
from grn.data.datasets.catalogue import differences, read_catalogue
from grn.data.datasets.corpus import cut_cells
from grn.data.datasets.load import list_datasets, load_dataset
from grn.errors import InputError
from tests.toy_corpus import GENES, N_CELLS, NAME, TFS, write_corpus


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus of one data set, of which three TFs and six other genes are kept."""
    monkeypatch.setenv("GRN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(corpus, "N_TFS", 3)
    monkeypatch.setattr(corpus, "N_OTHERS", 6)
    return write_corpus(tmp_path / "data")


def cells_of(folder: Path) -> anndata.AnnData:
    return anndata.read_h5ad(folder / "corpus" / f"{NAME}.h5ad")


@pytest.mark.usefixtures("folder")
def test_a_data_set_has_the_genes_that_vary_most_and_the_edges_between_them() -> None:
    dataset = load_dataset("corpus", NAME, "STRING")
    assert dataset.name == f"corpus/{NAME}/STRING"
    assert dataset.tfs == [*TFS[2:]]
    assert dataset.adata.var_names.tolist() == [*TFS[2:], *GENES[-6:]]
    assert dataset.adata.shape == (N_CELLS, 9)
    # Tf4 regulates itself and Gene0 to Gene3; of all targets, only these are kept.
    edges = list(dataset.truth.itertuples(index=False, name=None))
    assert edges == [("Tf2", "Tf3"), ("Tf2", "Tf4"), ("Tf3", "Tf4"), ("Tf4", "Gene3")]
    assert list(dataset.truths) == ["NonSpecific", "STRING"]
    # The pairs that judge can be read.
    assert len(grn.read_truth(dataset.truth)) == 4


@pytest.mark.usefixtures("folder")
def test_it_is_the_same_each_time_and_without_a_network_it_has_no_truth() -> None:
    first, second = load_dataset("corpus", NAME), load_dataset("corpus", NAME, "NonSpecific")
    np.testing.assert_array_equal(first.adata.X, second.adata.X)
    assert (first.name, first.truth) == (f"corpus/{NAME}", None)


def test_values_are_normalised_with_all_genes_and_once(folder: Path) -> None:
    adata = load_dataset("corpus", NAME).adata
    whole = grn.preprocess(cells_of(folder))
    np.testing.assert_array_equal(adata.X, whole[:, adata.var_names].X)
    np.testing.assert_array_equal(grn.preprocess(adata).X, adata.X)


def test_counts_normalised_but_not_logged_become_logarithms(folder: Path) -> None:
    counts = cells_of(folder)
    listed = [name.upper() for name in TFS]
    expected, tfs = cut_cells(counts, listed)
    linear = counts.copy()
    linear.X = sp.csr_matrix(counts.X * 300 / counts.X.sum(axis=1, keepdims=True))
    assert linear.X.max() > 50
    found, same_tfs = cut_cells(linear, listed)
    assert same_tfs == tfs
    assert found.var_names.tolist() == expected.var_names.tolist()
    np.testing.assert_allclose(found.X.toarray(), expected.X, rtol=1e-4)
    assert found.X.max() < 50


def test_a_gene_in_few_cells_or_in_a_second_writing_is_left_out(folder: Path) -> None:
    adata = cells_of(folder)
    extra = np.zeros((N_CELLS, 2), np.float32)
    extra[:9, 0], extra[:30, 1] = 500, 50
    values = np.hstack([adata.X, extra])
    names = [*adata.var_names, "Rare", "GENE8"]
    wider = anndata.AnnData(values, adata.obs, adata.var.reindex(names))
    found, _ = cut_cells(wider, [name.upper() for name in TFS])
    assert {"Rare", "GENE8"}.isdisjoint(found.var_names)
    wider.X[:20, names.index("Gene8")] = 0  # now the other writing is in more cells
    found, _ = cut_cells(wider, [name.upper() for name in TFS])
    assert "GENE8" in found.var_names
    assert "Gene8" not in found.var_names


def test_what_is_missing_is_said(folder: Path) -> None:
    assert list_datasets("corpus") == {NAME: ["NonSpecific", "STRING"]}
    (folder / "networks/STRING_mouse.csv.gz").unlink()
    with pytest.raises(InputError, match=rf"{NAME} has no network 'STRING'.*: NonSpecific\."):
        load_dataset("corpus", NAME, "STRING")
    with pytest.raises(
        InputError, match=rf"'kang_pbmc_ctrl' in corpus: corpus has {NAME}\. Looked in"
    ):
        load_dataset("corpus", "kang_pbmc_ctrl")


def test_a_file_that_the_manifest_does_not_know_is_none(folder: Path) -> None:
    cells_of(folder).write_h5ad(folder / "corpus/unknown.h5ad")
    assert list(list_datasets("corpus")) == [NAME]


@pytest.mark.data
def test_manifest_states_the_true_sizes(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRN_DATA", str(shared_data))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    entries = {entry.name: entry for entry in read_catalogue() if entry.collection == "corpus"}
    assert {name: {*networks} for name, networks in list_datasets("corpus").items()} == {
        name: set(entry.networks) for name, entry in entries.items()
    }
    for name in ("zeisel_cortex_subset", "cardiac_ipsc_day5"):  # counts, and linear values
        dataset, stated = load_dataset("corpus", name), entries[name]
        sizes = {network: len(edges) for network, edges in dataset.truths.items()}
        assert differences(stated, *dataset.adata.shape, sizes) == []
        assert len(dataset.tfs) == stated.tfs
