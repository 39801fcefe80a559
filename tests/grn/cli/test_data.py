"""`grn data`: the table at two widths, fetching by name, and using what was fetched."""

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grn.data.datasets import catalogue
from tests.helpers import FAST, refuses, written
from tests.record_server import N_CELLS, SETS, RecordServer, record_of_beeline

Cli = Callable[..., tuple[int, str, str]]
Served = tuple[RecordServer, Path]


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    with record_of_beeline(monkeypatch, tmp_path) as served:
        yield served


@pytest.mark.parametrize("width", [80, 120])
def test_list_fits_the_width_and_needs_no_data(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GRN_DATA", raising=False)
    code, out, _ = cli("data", "list")
    assert code == 0
    table, _, rest = out.partition("\n\n")
    assert max(map(len, table.splitlines())) <= width
    assert "…" not in table
    words = table.split()
    for word in (*SETS, "size100_multifactorial_1", "dyn-BFC_2000_0", "10,243", "20,526,", "MIT"):
        assert word in words
    # Seven can be fetched, the demo is drawn, the others are not here.
    assert (words.count("fetch"), words.count("drawn")) == (7, 1)
    assert "data" not in re.findall(r"\w+ *$", table, re.MULTILINE)
    assert "data: no folder; GRN_DATA names one" in rest
    assert f"cache: {tmp_path / 'cache' / 'grn'}" in rest
    for name in ("beeline", "tf_lists"):
        assert f"grn data fetch {name}: " in rest
    assert written(tmp_path) == set()


def test_fetch_and_use(cli: Cli, record: Served, tmp_path: Path) -> None:
    _, cache = record
    code, out, err = cli("data", "fetch", "beeline")
    assert code == 0
    assert str(cache / "beeline_zenodo") in out
    sizes = f"{N_CELLS} cells × 8 genes; edges: ChIP 3, LOFGOF 3, NonSpecific 3, STRING 3"
    assert f"beeline_zenodo/mESC: {sizes}" in out
    # The stand-in is smaller than the record.
    assert "mESC: 25 cells, but the manifest expects 421" in err
    assert "mDC: 8 genes, but the manifest expects 821" in err

    code, out, _ = cli("data", "list")
    table, _, _ = out.partition("\n\n")
    assert (code, table.split().count("cache"), table.split().count("fetch")) == (0, 7, 0)

    chosen = ("data=beeline", "data.dataset=mESC", "data.network=STRING", "logger=none")
    code, _, err = cli("train", *chosen, *FAST, f"hydra.run.dir={tmp_path / 'run'}")
    assert code == 0, err
    edges = (tmp_path / "run" / "edges.tsv").read_text().splitlines()
    assert len(edges) == 1 + 3 * 7  # three TFs, eight genes, no self-loops
    assert "Sox2\tGata1" in "\n".join(edges)
    result = cli("train", "data=beeline", "data.collection=beeline", "data.dataset=mESC")
    refuses(result, "no data set 'mESC' in beeline: beeline has none", "grn data list")


def test_fetch_tf_lists(cli: Cli, record: Served) -> None:
    server, cache = record
    for _ in range(2):
        code, out, _ = cli("data", "fetch", "tf_lists")
        assert (code, out.strip().endswith(str(cache / "tf_lists"))) == (0, True)
    assert len(server.asked) == 2
    assert written(cache / "tf_lists") == {"human.txt", "mouse.txt"}


@pytest.fixture
def trrust(record: Served) -> Iterator[RecordServer]:
    """TRRUST's addresses in the manifest, at the server of this machine."""
    server, _ = record
    manifest = catalogue.manifest_path()
    stated = manifest.read_text(encoding="utf-8")
    stated = stated.replace("https://www.grnpedia.org/trrust/data", server.url("trrust"))
    manifest.write_text(stated, encoding="utf-8")
    catalogue._parse.cache_clear()
    content = b"GATA1\tSOX2\tActivation\t1\nKLF4\tAAA\tRepression\t2\n"
    server.files["trrust/trrust_rawdata.human.tsv"] = content
    server.files["trrust/trrust_rawdata.mouse.tsv"] = content.title()
    yield server
    catalogue._parse.cache_clear()


def test_fetch_shows_terms_size_and_digest_and_the_name_is_a_prior(
    cli: Cli, record: Served, trrust: RecordServer, tmp_path: Path
) -> None:
    server, cache = record
    chosen = ("data=beeline", "data.dataset=mESC", "data.network=STRING", "logger=none")
    assert cli("data", "fetch", "beeline")[0] == 0
    result = cli("train", *chosen, *FAST, "prior=trrust", f"hydra.run.dir={tmp_path / 'run'}")
    refuses(result, "'trrust' (mouse) are not on this machine", "grn data fetch trrust")
    assert not (tmp_path / "run" / "edges.tsv").exists()

    code, out, _ = cli("data", "fetch", "trrust")
    assert code == 0
    path = cache / "priors" / "trrust_mouse.tsv"
    content = server.files["trrust/trrust_rawdata.mouse.tsv"]
    for said in (
        "licence   CC BY-SA 4.0",
        "citation  Han et al., Nucleic Acids Research 2018",
        "page      https://www.grnpedia.org/trrust/",
        f"mouse: {path}",
        "2 edges of 2 TFs: 1 activate, 1 repress, 0 without a sign",
        f"size      {len(content)} bytes",
        f"sha256    {hashlib.sha256(content).hexdigest()}",
    ):
        assert said in out
    asked = len(server.asked)
    assert cli("data", "fetch", "trrust")[1] == out
    assert len(server.asked) == asked

    code, _, err = cli(
        "train", *chosen, *FAST, "prior=trrust", f"hydra.run.dir={tmp_path / 'run'}"
    )
    assert code == 0, err
    assert "prior trrust: edges of mouse (the names of the genes" in err
    first = (tmp_path / "run" / "edges.tsv").read_text().splitlines()[1:3]
    signs = {tuple(row.split("\t")[:2]): float(row.split("\t")[2]) for row in first}
    assert signs["Gata1", "Sox2"] > 0 > signs["Klf4", "Aaa"]


def test_fetch_refusals_leave_nothing_behind(cli: Cli, record: Served) -> None:
    server, cache = record
    refuses(cli("data", "fetch", "mESC"), "'mESC'", "Available: beeline, tf_lists")
    assert not cache.exists()

    good = dict(server.files)
    server.files["content/BEELINE-data.zip"] = b"not what was promised"
    server.files["content/BEELINE-data.zip"] += bytes(
        len(good["content/BEELINE-data.zip"]) - len(server.files["content/BEELINE-data.zip"])
    )
    refuses(cli("data", "fetch", "beeline"), "not send the file", "hash", "put it at")
    assert written(cache) == {"downloads"}

    server.files.clear()
    refuses(cli("data", "fetch", "beeline"), "answered 404", "BEELINE-data.zip", "put it at")
    assert written(cache) == {"downloads"}

    # A truncated archive put there by hand, while the record is out of reach.
    (cache / "downloads" / "BEELINE-data.zip").write_bytes(b"PK\x03\x04")
    (cache / "downloads" / "BEELINE-Networks.zip").write_bytes(b"PK\x03\x04")
    refuses(cli("data", "fetch", "beeline"), "truncated or corrupt")
    assert {path.name for path in cache.iterdir()} == {"downloads"}


def test_an_action_is_needed(cli: Cli) -> None:
    assert cli("data")[0] == 2
    assert cli("data", "fetch")[0] == 2
