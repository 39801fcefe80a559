"""BEELINE's record: its rule worked out by hand on twelve genes, and its sets in our layout."""

from collections.abc import Iterator
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.data.datasets import beeline
from grn.data.datasets.beeline import choose_genes, cut_network, fetch_beeline
from grn.data.datasets.catalogue import read_catalogue
from grn.data.datasets.load import dataset_places, list_datasets, load_dataset
from grn.errors import InputError
from tests.helpers import written
from tests.record_server import GENES, N_CELLS, SETS, RecordServer, record_of_beeline, zipped

Served = tuple[RecordServer, Path]
VARIATION = pd.DataFrame(
    [(p, v) for _, p, v in GENES],
    index=[name for name, _, _ in GENES],
    columns=["VGAMpValue", "Variance"],
)
NAMES = VARIATION.index.tolist()
TFS = ["GATA1", "KLF4", "MYC", "SOX2", "ELSEWHERE"]


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[RecordServer, Path]]:
    with record_of_beeline(monkeypatch, tmp_path) as served:
        yield served


def test_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    # p < 0.01 / 12 leaves out MYC, DDD, GGG and HHH; the others follow by variance.
    tfs, others = choose_genes(VARIATION, NAMES, TFS)
    assert tfs == ["GATA1", "KLF4", "SOX2"]
    assert others == ["BBB", "CCC", "III", "EEE", "AAA"]
    monkeypatch.setattr(beeline, "N_OTHERS", 3)
    assert choose_genes(VARIATION, NAMES, TFS) == (tfs, ["BBB", "CCC", "III"])


def test_rule_counts_the_genes_of_the_matrix_alone() -> None:
    # Eleven genes are left: 0.01 / 11 = 0.00091 lets DDD in, of variance 7.
    assert choose_genes(VARIATION, [name for name in NAMES if name != "HHH"], TFS)[1][0] == "DDD"


def test_rule_gives_the_size_of_the_published_cut() -> None:
    # GENELink publishes BEELINE's cut of mDC: its TFs, and as many other genes as the rule says.
    (published,) = (e for e in read_catalogue() if (e.collection, e.name) == ("beeline", "mDC"))
    assert published.genes is not None
    assert published.tfs is not None
    assert published.genes - published.tfs == beeline.N_OTHERS


def test_names_match_in_any_case_and_keep_their_spelling() -> None:
    genes = [name.capitalize() for name in NAMES]
    tfs, others = choose_genes(VARIATION, genes, TFS)
    assert (tfs, others[0]) == (["Gata1", "Klf4", "Sox2"], "Bbb")
    network = pd.DataFrame({"Gene1": ["SOX2", "sox2"], "Gene2": ["GATA1", "GATA1"]})
    assert cut_network(network, genes).to_numpy().tolist() == [["Sox2", "Gata1"]]


def test_a_gene_in_two_spellings_counts_once() -> None:
    twice = pd.concat([VARIATION, VARIATION.rename(index=str.lower)])
    assert choose_genes(twice, NAMES, TFS) == choose_genes(VARIATION, NAMES, TFS)


def test_networks_lose_loops_repeats_and_genes_outside() -> None:
    edges = [("B", "A"), ("A", "A"), ("A", "B"), ("A", "B"), ("A", "C"), ("C", "B")]
    cut = cut_network(pd.DataFrame(edges, columns=["Gene1", "Gene2"]), ["A", "B"])
    assert cut.columns.tolist() == ["source", "target"]
    assert cut.to_numpy().tolist() == [["A", "B"], ["B", "A"]]


def test_simulated_cells_stay_packed() -> None:
    members = ["scRNA-Seq/mDC/ExpressionData.csv", "Synthetic/dyn-LI/ExpressionData.csv"]
    needed = [beeline._is_needed(f"BEELINE-data/inputs/{member}") for member in members]
    assert needed == [True, False]


def test_the_record_becomes_seven_sets(record: Served) -> None:
    server, cache = record
    assert fetch_beeline() == cache / "beeline_zenodo"
    assert set(dataset_places("beeline_zenodo")) == set(SETS)
    networks = {name: ["ChIP", "NonSpecific", "STRING"] for name in SETS}
    networks["mESC"].insert(1, "LOFGOF")
    assert list_datasets("beeline_zenodo") == networks
    assert written(cache / "downloads") == {"BEELINE-data.zip", "BEELINE-Networks.zip"}
    assert {path.name for path in cache.iterdir()} == {"downloads", "beeline_zenodo"}
    for name, present in networks.items():
        files = {f"edges_{network}.csv" for network in present}
        assert written(cache / "beeline_zenodo" / name) == {"expression.h5ad", "tfs.txt"} | files
    n_asked = len(server.asked)
    fetch_beeline()
    assert len(server.asked) == n_asked


def test_a_set_of_the_record(record: Served) -> None:
    fetch_beeline()
    dataset = load_dataset("beeline_zenodo", "mESC", "STRING")
    genes = ["Sox2", "Gata1", "Aaa", "Bbb", "Ccc", "Eee", "Klf4", "Iii"]
    assert dataset.adata.var_names.tolist() == genes
    assert dataset.adata.shape == (N_CELLS, 8)
    assert dataset.adata.X.dtype == np.float32
    assert dataset.tfs == ["Gata1", "Klf4", "Sox2"]
    edges = pd.read_csv(dataset.truth).to_numpy().tolist()
    assert edges == [["Gata1", "Aaa"], ["Gata1", "Sox2"], ["Sox2", "Gata1"]]
    values = np.random.default_rng(0).gamma(1.0, size=(12, N_CELLS))
    stored = anndata.read_h5ad(record[1] / "beeline_zenodo" / "mESC" / "expression.h5ad")
    np.testing.assert_allclose(stored[:, "Bbb"].X.toarray()[:, 0], values[4], rtol=1e-6)


def test_what_is_missing_is_made_again(record: Served) -> None:
    _, cache = record
    goal = fetch_beeline()
    (goal / "mDC" / "expression.h5ad").unlink()
    for file in (goal / "mDC").iterdir():
        file.unlink()
    made = (goal / "hESC" / "expression.h5ad").stat().st_mtime_ns
    fetch_beeline()
    assert (goal / "mDC" / "expression.h5ad").exists()
    assert (goal / "hESC" / "expression.h5ad").stat().st_mtime_ns == made
    assert {path.name for path in cache.iterdir()} == {"downloads", "beeline_zenodo"}


def test_others_cuts_come_first_unless_the_collection_is_named(
    record: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fetch_beeline()
    assert load_dataset(None, "mDC", "STRING").name == "beeline_zenodo/mDC/STRING"
    theirs = tmp_path / "data" / "beeline" / "mDC"
    theirs.mkdir(parents=True)
    anndata.AnnData(np.ones((3, 2), np.float32)).write_h5ad(theirs / "expression.h5ad")
    monkeypatch.setenv("GRN_DATA", str(tmp_path / "data"))
    assert load_dataset(None, "mDC").adata.shape == (3, 2)
    assert load_dataset("beeline_zenodo", "mDC").adata.shape == (N_CELLS, 8)
    assert load_dataset(None, "mESC").name == "beeline_zenodo/mESC"
    with pytest.raises(InputError, match="no data set 'mESC' in beeline: beeline has mDC"):
        load_dataset("beeline", "mESC")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"x/human-tfs.csv": "TF\nA\n"}, "has no hESC/GeneOrdering.csv"),
        (
            {
                "x/scRNA-Seq/hESC/GeneOrdering.csv": ",p\nA,1\n",
                "x/scRNA-Seq/hESC/ExpressionData.csv": ",c1,c2\nA,1,2\nB,3,4\n",
            },
            "GeneOrdering.csv of the record has not the columns VGAMpValue, Variance",
        ),
    ],
)
def test_a_record_of_another_form(record: Served, members: dict[str, str], message: str) -> None:
    server, cache = record
    tfs = {"human-tfs.csv": "TF\nA\n"}
    server.add_record({"BEELINE-data.zip": zipped(members), "BEELINE-Networks.zip": zipped(tfs)})
    with pytest.raises(InputError, match=message):
        fetch_beeline()
    assert {path.name for path in cache.iterdir()} == {"downloads", "beeline_zenodo"}
    assert written(cache / "beeline_zenodo") == set()
