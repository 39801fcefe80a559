"""Named data sets: cells, TFs and truth by name, errors that list what exists, a true manifest."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.data.datasets.catalogue import differences, read_catalogue
from grn.data.datasets.load import COLLECTIONS, dataset_places, list_datasets, load_dataset
from grn.errors import InputError
from grn.simulation.random_network import simulate


@pytest.fixture
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one small set of each layout."""
    monkeypatch.setenv("GRN_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    adata = simulate(n_tfs=3, n_targets=4, n_cells=25)
    real = tmp_path / "beeline" / "toy"
    real.mkdir(parents=True)
    adata.uns.clear()
    adata.write_h5ad(real / "expression.h5ad")
    (real / "edges_ChIP.csv").write_text("source,target\nTF01,G001\n")
    (real / "edges_STRING.csv").write_text("source,target\nTF02,G001\n")
    (real / "tfs.txt").write_text("TF01\nTF02\n")
    run = tmp_path / "beeline_simulated" / "GSD" / "GSD_2000_0"
    run.mkdir(parents=True)
    pd.DataFrame(adata.X.toarray().T, adata.var_names, adata.obs_names).to_csv(
        run / "ExpressionData.csv"
    )
    (run / "refNetwork.csv").write_text("Gene1,Gene2,Type\nTF01,G001,+\n")
    return tmp_path


def test_real_set(data_root: Path) -> None:
    dataset = load_dataset("beeline", "toy", "STRING")
    assert dataset.name == "beeline/toy/STRING"
    assert dataset.adata.shape == (25, 7)
    assert dataset.tfs == ["TF01", "TF02"]
    assert dataset.truth == data_root / "beeline/toy/edges_STRING.csv"
    assert set(dataset.truths) == {"ChIP", "STRING"}
    with pytest.raises(FrozenInstanceError):
        dataset.name = "other"  # type: ignore[misc]


def test_no_network_where_there_are_two_means_no_truth(data_root: Path) -> None:
    dataset = load_dataset("beeline", "toy")
    assert dataset.truth is None
    assert dataset.name == "beeline/toy"


def test_simulated_run_has_its_only_truth_and_every_gene_as_candidate(data_root: Path) -> None:
    dataset = load_dataset("beeline_simulated", "GSD_2000_0")
    assert dataset.adata.shape == (25, 7)
    assert dataset.tfs is None
    assert dataset.truth == data_root / "beeline_simulated/GSD/GSD_2000_0/refNetwork.csv"
    assert dataset.name == "beeline_simulated/GSD_2000_0/refNetwork"


@pytest.mark.usefixtures("data_root")
def test_errors_list_what_exists() -> None:
    with pytest.raises(InputError, match=r"no collection 'beline'.*beeline, beeline_zenodo, mcc"):
        load_dataset("beline", "toy")
    with pytest.raises(InputError, match=r"no data set 'mDC' in beeline: beeline has toy\."):
        load_dataset("beeline", "mDC")
    with pytest.raises(InputError, match=r"no network 'LOFGOF'\. Available: ChIP, STRING\."):
        load_dataset("beeline", "toy", "LOFGOF")
    with pytest.raises(
        InputError, match=r"dream4 has none\. Looked in .*cache/grn\. `grn data list`"
    ):
        load_dataset("dream4", "x")
    with pytest.raises(InputError, match=r"beeline has toy; beeline_zenodo has none\."):
        load_dataset(None, "mDC")
    assert list_datasets("beeline") == {"toy": ["ChIP", "STRING"]}


def test_data_folder_before_cache(data_root: Path) -> None:
    cached = data_root / "cache" / "grn" / "beeline"
    for name in ("toy", "only_here"):
        (cached / name).mkdir(parents=True)
        anndata.AnnData(np.ones((2, 3))).write_h5ad(cached / name / "expression.h5ad")
    assert dataset_places("beeline") == {
        "only_here": cached / "only_here",
        "toy": data_root / "beeline" / "toy",
    }


@pytest.mark.data
def test_manifest_states_the_true_sizes(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRN_DATA", str(shared_data))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    present = {collection: list_datasets(collection) for collection in COLLECTIONS}
    assert present.pop("beeline_zenodo") == {}
    assert present.pop("corpus")  # in test_corpus.py
    manifest = {(entry.collection, entry.name): entry for entry in read_catalogue()}
    for collection, sets in present.items():
        assert {name for group, name in manifest if group == collection} == set(sets)
        for name, networks in sets.items():
            stated = manifest[collection, name]
            assert set(stated.networks) == set(networks)
            if name.endswith(("_1", "_50")):
                continue  # repeats of a run that is read
            datasets = [load_dataset(collection, name, network) for network in networks]
            lines = [len(pd.read_csv(dataset.truth)) for dataset in datasets]
            sizes = dict(zip(networks, lines, strict=True))
            assert differences(stated, *datasets[0].adata.shape, sizes) == []
            assert None not in (stated.cells, stated.genes, *stated.networks.values())
            tfs = datasets[0].tfs
            assert stated.tfs == (None if tfs is None else len(tfs))


def test_manifest_of_the_demo_is_what_simulate_draws() -> None:
    (stated,) = (entry for entry in read_catalogue() if entry.collection == "demo")
    adata = simulate(n_cells=20)
    assert adata.n_vars == stated.genes
    assert int(np.sum(adata.var["is_tf"])) == stated.tfs
    assert simulate.__kwdefaults__ is not None
    assert simulate.__kwdefaults__["n_cells"] == stated.cells
