"""The manifest: frozen entries with every fact, and differences that name both numbers."""

import dataclasses
from dataclasses import FrozenInstanceError

import pytest

from grn.data.datasets.beeline import COLLECTION
from grn.data.datasets.catalogue import (
    DatasetEntry,
    differences,
    manifest_path,
    read_catalogue,
    read_fetchables,
    study_of,
)
from grn.data.datasets.load import COLLECTIONS
from tests.record_server import API, MANIFEST, SETS

ENTRY = DatasetEntry("c", "x", "here", None, "me", "mouse", 10, 5, None, {"A": 3, "B": None})


def test_entries() -> None:
    entries = read_catalogue()
    assert {entry.collection for entry in entries} == {"demo", *COLLECTIONS}
    assert len({(entry.collection, entry.name) for entry in entries}) == len(entries)
    assert tuple(e.name for e in entries if e.collection == COLLECTION) == SETS
    for entry in entries:
        assert entry.source
        assert entry.citation
        assert entry.organism in {"human", "mouse", "simulated", "insilico"}
        assert entry.networks
    with pytest.raises(FrozenInstanceError):
        entries[0].cells = 1  # type: ignore[misc]


def test_what_was_measured_has_a_study_and_data_sets_share_it() -> None:
    for entry in read_catalogue():
        assert (entry.study is None) == (entry.organism in {"simulated", "insilico"}), entry.name
    assert {entry.study for entry in read_catalogue() if entry.collection == "corpus"} == {
        *("cardiac", "kang", "mixology", "spring", "pbmc3k", "pbmc5k", "schlitzer", "zeisel"),
        "deng",
    }
    assert study_of("beeline/mESC") == study_of("beeline_zenodo/mESC") == "mESC"
    assert study_of("mccalla/mESC_Semrau") == "mESC_Semrau"
    assert study_of("corpus/kang_pbmc_stim") == "kang"
    assert study_of("dream4/size100_multifactorial_1") is None
    assert study_of("beeline/my_own") is None


def test_a_cut_of_the_same_cells_has_as_many_cells() -> None:
    cells = {(e.collection, e.name): e.cells for e in read_catalogue()}
    for name in ("mDC", "mESC", "hESC"):
        assert cells["beeline", name] == cells[COLLECTION, name]


def test_fetchables() -> None:
    fetchables = read_fetchables()
    assert set(fetchables) == {"beeline", "tf_lists"}
    assert fetchables["beeline"].files == ("BEELINE-data.zip", "BEELINE-Networks.zip")
    for fetchable in fetchables.values():
        assert fetchable.api == API
        assert fetchable.page == "https://doi.org/10.5281/zenodo.3701939"


def test_no_checksum_is_written_down() -> None:
    assert "md5" not in MANIFEST.read_text(encoding="utf-8").lower()
    assert manifest_path() == MANIFEST


def test_differences_name_both_numbers() -> None:
    assert differences(ENTRY, 10, 5, {"A": 3, "B": 8}) == []
    assert differences(ENTRY, 9, 5, {"A": 4}) == [
        "c/x: 9 cells, but the manifest expects 10",
        "c/x: 4 edges of A, but the manifest expects 3",
    ]
    assert differences(dataclasses.replace(ENTRY, cells=None), 9, 5, {"A": 3, "C": 1}) == []
