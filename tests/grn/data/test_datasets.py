"""Named data sets: cells, TFs and truth by name, errors that list what exists, a true manifest."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from grn.data.datasets import COLLECTIONS, list_datasets, load_dataset
from grn.errors import InputError
from grn.simulation.random_network import simulate

MANIFEST = Path(__file__).resolve().parents[3] / "data" / "datasets.yaml"


@pytest.fixture
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one small set of each layout."""
    monkeypatch.setenv("GRN_DATA", str(tmp_path))
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
    with pytest.raises(InputError, match=r"no collection 'beline'.*beeline, mccalla"):
        load_dataset("beline", "toy")
    with pytest.raises(InputError, match=r"no data set 'mDC' in beeline.*: toy\."):
        load_dataset("beeline", "mDC")
    with pytest.raises(InputError, match=r"no network 'LOFGOF'\. Available: ChIP, STRING\."):
        load_dataset("beeline", "toy", "LOFGOF")
    with pytest.raises(InputError, match=r"Available in .*: none\."):
        load_dataset("dream4", "x")
    assert list_datasets("beeline") == {"toy": ["ChIP", "STRING"]}


@pytest.mark.data
def test_manifest_states_the_true_sizes(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRN_DATA", str(shared_data))
    manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    for collection in COLLECTIONS:
        present = list_datasets(collection)
        assert set(manifest[collection]) == set(present)
        for name, networks in present.items():
            stated = manifest[collection][name]
            assert set(stated["networks"]) == set(networks)
            if name.endswith(("_1", "_50")):
                continue  # repeats of a run that is read
            for network in networks:
                dataset = load_dataset(collection, name, network)
                n_lines = len(pd.read_csv(dataset.truth))
                assert stated["networks"][network] == n_lines, (name, network)
            assert dataset.adata.shape == (stated["cells"], stated["genes"])
            assert stated["tfs"] == (None if dataset.tfs is None else len(dataset.tfs))


def test_manifest_of_the_demo_is_what_simulate_draws() -> None:
    stated = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["demo"]["simulated"]
    adata = simulate(n_cells=20)
    assert adata.n_vars == stated["genes"]
    assert int(np.sum(adata.var["is_tf"])) == stated["tfs"]
    assert simulate.__kwdefaults__ is not None
    assert simulate.__kwdefaults__["n_cells"] == stated["cells"]


def test_every_entry_says_where_it_comes_from() -> None:
    manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    for entries in manifest.values():
        for entry in entries.values():
            assert set(entry) == {
                "source", "licence", "citation", "organism", "cells", "genes", "tfs", "networks",
            }  # fmt: skip
