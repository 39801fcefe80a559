"""Known edges and TF lists of others: fetched once, looked at, found again, refused by name."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from grn.data.datasets.catalogue import Resource, ResourceFile, read_resources
from grn.data.datasets.resources import (
    fetch_resource,
    find_prior,
    prior_names,
    sha256_of,
    tf_list_names,
)
from grn.edges.read import read_truth
from grn.errors import InputError
from tests.helpers import written
from tests.record_server import RecordServer, serving

TRRUST = b"SOX2\tPOU5F1\tActivation\t1\nSOX2\tPOU5F1\tRepression\t2\nMYC\tTP53\tUnknown\t3\n"
TRRUST += b"MYC\tCDKN1A\tRepression\t4\n"
# The columns of CollecTRI's own file, and of OmniPath's answer.
COLLECTRI = b"""source,target,weight,resources,references,sign_decision
MYC,TERT,1,ExTRI;HTRI,123;456,PMID
SPI1,BGLAP,-1,ExTRI,789,default activation
AP1,JUN,1,ExTRI,1,PMID
"""
OMNIPATH = b"""source\ttarget\tsource_genesymbol\ttarget_genesymbol\tis_directed\tis_stimulation\t\
is_inhibition\tconsensus_direction\tconsensus_stimulation\tconsensus_inhibition\tdorothea_level
P01106\tO14746\tMYC\tTERT\t1\t1\t0\t1\t1\t0\tA
P17947\tP02818\tSPI1\tBGLAP\t1\t0\t1\t1\t0\t1\tB;C
P48431\tQ01860\tSOX2\tPOU5F1\t1\t0\t0\t0\t0\t0\tC
"""
QUICKGO = b"""GENE PRODUCT DB\tGENE PRODUCT ID\tSYMBOL\tQUALIFIER\tGO TERM\tGO EVIDENCE CODE
UniProtKB\tP02835\tftz\tenables\tGO:0000981\tIDA
UniProtKB\tP02835\tftz\tenables\tGO:0003700\tIEA
UniProtKB\tP09081\tbcd\tenables\tGO:0003700\tIDA
UniProtKB\tP07247\tKr\tenables\tGO:0000981\tIDA
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[RecordServer]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("GRN_DATA", str(tmp_path / "data"))
    with serving() as started:
        yield started


def resource(server: RecordServer, kind: str = "priors", **files: ResourceFile) -> Resource:
    facts = ("what it is", "CC0", "who made it", "https://example.org/page")
    default = {"human": ResourceFile("trrust_human.tsv", server.url("trrust.tsv"))}
    return Resource("trrust", kind, *facts, files or default)  # type: ignore[arg-type]


def test_a_file_without_a_stated_checksum_is_looked_at_and_its_digest_kept(
    server: RecordServer, tmp_path: Path
) -> None:
    server.files["trrust.tsv"] = TRRUST
    cache = tmp_path / "cache" / "grn" / "priors"
    for _ in range(2):
        (fetched,) = fetch_resource(resource(server))
        assert fetched.path == cache / "trrust_human.tsv"
        assert fetched.path.read_bytes() == TRRUST
        digest = hashlib.sha256(TRRUST).hexdigest()
        assert (fetched.species, fetched.size, fetched.sha256) == ("human", len(TRRUST), digest)
        # An edge of both modes has no sign.
        said = "3 edges of 2 TFs: 0 activate, 1 repress, 2 without a sign"
        assert fetched.content == said
    assert [path for path, _ in server.asked] == ["trrust.tsv"]
    assert (cache / "trrust_human.tsv.sha256").read_text() == f"{digest}  trrust_human.tsv\n"
    assert written(cache) == {"trrust_human.tsv", "trrust_human.tsv.sha256"}


def test_a_file_of_a_record_is_verified_by_it(server: RecordServer, tmp_path: Path) -> None:
    server.add_record({"CollecTRI_regulons.csv": COLLECTRI})
    where = {"record": server.url("record"), "member": "CollecTRI_regulons.csv"}
    asked = resource(server, human=ResourceFile("collectri_human.csv", **where))
    (fetched,) = fetch_resource(asked)
    assert fetched.content == "3 edges of 3 TFs: 2 activate, 1 repress, 0 without a sign"
    assert fetched.path == tmp_path / "cache/grn/priors/collectri_human.csv"
    server.files["content/CollecTRI_regulons.csv"] = COLLECTRI[:-1] + b"\r"
    fetched.path.unlink()
    (tmp_path / "cache/grn/downloads/CollecTRI_regulons.csv").unlink()
    with pytest.raises(InputError, match="not send the file that its record states"):
        next(fetch_resource(asked))
    assert not fetched.path.exists()


def test_omnipath_answers_are_read_with_their_signs(server: RecordServer) -> None:
    server.files["answer"] = OMNIPATH
    asked = resource(server, human=ResourceFile("dorothea_human.tsv", server.url("answer")))
    (fetched,) = fetch_resource(asked)
    edges = read_truth(fetched.path)
    assert edges["source"].tolist() == ["MYC", "SOX2", "SPI1"]
    assert edges["sign"].tolist() == [1, 0, -1]


def test_annotations_become_a_list_of_symbols(server: RecordServer) -> None:
    server.files["answer"] = QUICKGO
    file = ResourceFile("fly.txt", server.url("answer"))
    (fetched,) = fetch_resource(resource(server, "tf_lists", fly=file))
    assert fetched.path.parent.name == "tf_lists"
    assert fetched.path.read_text().split() == ["Kr", "bcd", "ftz"]
    assert fetched.content == "3 TFs"
    assert fetched.sha256 == sha256_of(fetched.path)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("priors", b"<!DOCTYPE html><html><body>moved</body></html>"),
        ("priors", b"a,b,c\n1,2,3\n"),
        ("tf_lists", b"<html>moved</html>"),
        ("tf_lists", QUICKGO.splitlines(keepends=True)[0]),
        ("tf_lists", b""),
    ],
)
def test_an_answer_of_another_kind_is_not_kept(
    kind: str, answer: bytes, server: RecordServer, tmp_path: Path
) -> None:
    server.files["trrust.tsv"] = answer
    with pytest.raises(InputError) as error:
        next(fetch_resource(resource(server, kind)))
    path = tmp_path / "cache" / "grn" / kind / "trrust_human.tsv"
    assert "download trrust_human.tsv from https://example.org/page" in str(error.value)
    assert f"put it at {path}." in str(error.value)
    assert written(path.parent) == set()
    server.files.clear()
    with pytest.raises(InputError, match="answered 404"):
        next(fetch_resource(resource(server, kind)))
    assert written(path.parent) == set()


def test_a_prior_is_found_by_species_in_the_data_folder_first(
    server: RecordServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InputError, match="grn data fetch trrust") as error:
        find_prior("trrust", "mouse")
    assert str(tmp_path / "data/priors/trrust_mouse.tsv") in str(error.value)
    cache, data = tmp_path / "cache/grn/priors", tmp_path / "data/priors"
    for folder in (cache, data):
        folder.mkdir(parents=True)
    (cache / "trrust_human.tsv").write_bytes(TRRUST)
    # Of fish there is no file, nor of cells whose species is unknown.
    for species in ("human", "zebrafish", None):
        assert find_prior("trrust", species) == (cache / "trrust_human.tsv", "human")
    (data / "trrust_mouse.tsv").write_bytes(TRRUST)
    assert find_prior("trrust", "mouse") == (data / "trrust_mouse.tsv", "mouse")
    assert not caplog.text
    digest = hashlib.sha256(TRRUST).hexdigest()
    (cache / "trrust_human.tsv.sha256").write_text(f"{digest}  trrust_human.tsv\n")
    find_prior("trrust", "human")
    assert not caplog.text
    (cache / "trrust_human.tsv").write_bytes(TRRUST + b"A\tB\tUnknown\t5\n")
    find_prior("trrust", "human")
    assert "not the file that was fetched" in caplog.text


def test_the_manifest_states_terms_and_where_everything_is() -> None:
    assert prior_names() == ["collectri", "dorothea", "trrust"]
    assert tf_list_names() == {
        name: f"tfs-{name}" for name in ("fly", "fish", "rat", "yeast")
    }  # fmt: skip
    for found in read_resources().values():
        assert found.licence
        assert "10." in found.citation
        assert found.page.startswith("https://")
        for file in found.files.values():
            assert (file.url is None) == (file.record is not None) == (file.member is not None)
            assert (file.url or file.record or "").startswith("https://")
    names = [file.name for found in read_resources().values() for file in found.files.values()]
    assert len(set(names)) == len(names)
