"""TF lists: what is tolerated in a file, what is refused, and where species lists lie."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from grn.data.datasets import resources, tf_lists
from grn.data.datasets.catalogue import Resource, ResourceFile
from grn.data.datasets.tf_lists import fetch_tf_lists, read_tf_list
from grn.errors import InputError
from tests.record_server import RecordServer, networks_zip, record_of_beeline, zipped


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[RecordServer, Path]]:
    with record_of_beeline(monkeypatch, tmp_path) as served:
        yield served


def write(folder: Path, text: str) -> Path:
    path = folder / "tfs.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "SOX2\nGATA1\nAR\n",
        "TF\nSOX2\nGATA1\nAR\n",
        "Gene Symbol\nSOX2\nGATA1\nAR",
        "\ufeffSOX2\r\nGATA1\r\nAR\r\n",
        "# from a paper\n\nSOX2\n\nGATA1  \n  SOX2\nAR # androgen\nGATA1\n",
        "SOX2,1,x\nGATA1,2,y\nAR,3,z\n",
        '"TF"\t"family"\n"SOX2"\t"HMG"\n"GATA1"\t"GATA"\n"AR"\t"NR"\n',
        # Names on one line, or on several.
        "SOX2,GATA1,AR\n",
        "SOX2, GATA1 , AR",
        "SOX2;GATA1;AR;\r\n",
        "SOX2 GATA1 AR\n",
        "SOX2\tGATA1\tAR\n",
        "SOX2|GATA1|AR",
        '"SOX2","GATA1","AR"\n',
        "SOX2,GATA1,\nAR\n",
        "SOX2 GATA1\nAR\n",
        "SOX2,\nGATA1,\nAR,\n",
        "TF\nSOX2,GATA1,AR\n",
        "['SOX2', 'GATA1', 'AR']\n",
        'c("SOX2", "GATA1", "AR")\n',
        '[\n  "SOX2",\n  "GATA1",\n  "AR"\n]\n',
        # Index columns, as pandas and R write them, and other columns.
        ",0\n0,SOX2\n1,GATA1\n2,AR\n",
        ",tf\n0,SOX2\n1,GATA1\n2,AR\n",
        "0,SOX2\n1,GATA1\n2,AR\n",
        "\t0\n0\tSOX2\n1\tGATA1\n2\tAR\n",
        '"","x"\n"1","SOX2"\n"2","GATA1"\n"3","AR"\n',
        '"x"\n"1" "SOX2"\n"2" "GATA1"\n"3" "AR"\n',
        "1\tSOX2\tHMG box\n2\tGATA1\tzinc finger\n3\tAR\tzinc finger\n",
        "Ensembl ID;HGNC symbol;DBD\nE1;SOX2;HMG\nE2;GATA1;ZF\nE3;AR;NR\n",
        ",ID,HGNC symbol,Is TF?\n0,a,SOX2,Yes\n1,b,GATA1,Yes\n2,c,ACTB,No\n3,d,AR,Yes\n",
        "SOX2,TF,1\nGATA1,TF,2\nAR,gene,3\n",
        "source\ttarget\tweight\nSOX2\tGATA1\t1\nSOX2\tAR\t1\nGATA1\tx\t2\nAR\ty\t2\n",
        "SOX2,ENSG00000181449\nGATA1,ENSG00000102145\nAR,ENSG00000169083\n",
        "Table S2: regulators\nTF name\nSOX2\nGATA1\nAR\n",
        "Table S2: regulators\nFamily,TF\nHMG,SOX2\nZF,GATA1\nNR,AR\n",
    ],
)
def test_one_name_a_line_in_order_and_once(tmp_path: Path, text: str) -> None:
    assert read_tf_list(write(tmp_path, text)) == ["SOX2", "GATA1", "AR"]


def test_encodings_and_gzip(tmp_path: Path) -> None:
    text = "TF\r\nSOX2\r\nGATA1\r\n"
    for data in (text.encode("utf-16"), text.encode("utf-8-sig"), gzip.compress(text.encode())):
        (tmp_path / "tfs.txt").write_bytes(data)
        assert read_tf_list(tmp_path / "tfs.txt") == ["SOX2", "GATA1"]


def test_a_guess_among_columns_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert read_tf_list(write(tmp_path, "SOX2,Hmg\nGATA1,Zf\nAR,Zf\n")) == ["SOX2", "GATA1", "AR"]
    assert "the first of 2 columns (AR, GATA1, SOX2)" in caplog.text
    caplog.clear()
    read_tf_list(write(tmp_path, "SOX2\nGATA1\nAR\n"))
    assert not caplog.text


def test_missing_empty_binary(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no TF list at"):
        read_tf_list(tmp_path / "missing.txt")
    with pytest.raises(InputError, match="is a folder"):
        read_tf_list(tmp_path)
    for text in ["", "\n\n", "# nothing\n", "TF\n"]:
        with pytest.raises(InputError, match="holds no names"):
            read_tf_list(write(tmp_path, text))
    (tmp_path / "short.txt.gz").write_bytes(gzip.compress(b"SOX2\nGATA1\n")[:-9])
    with pytest.raises(InputError, match="not a text file"):
        read_tf_list(tmp_path / "short.txt.gz")
    for noise in [bytes(range(256)), b"SOX2\0GATA1\n"]:
        (tmp_path / "x.bin").write_bytes(noise)
        with pytest.raises(InputError, match=r"not a text file|binary file"):
            read_tf_list(tmp_path / "x.bin")


def test_species_lists_come_from_a_file_the_data_folder_or_the_package(
    record: tuple[RecordServer, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server, cache = record
    caplog.set_level("INFO")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "human").mkdir()  # a folder of that name is not meant
    assert {"SPI1", "GATA1", "SOX2"} <= set(read_tf_list("human"))
    assert "human TFs: the list of the package (Gene Ontology, CC BY 4.0)" in caplog.messages
    assert not server.asked
    ours = {species: read_tf_list(species) for species in ("human", "mouse")}
    fetched = fetch_tf_lists()
    assert read_tf_list(fetched / "human.txt") == ["GATA1", "KLF4", "MYC", "SOX2"]
    assert [path for path, _ in server.asked] == ["record", "content/BEELINE-Networks.zip"]
    assert (cache / "tf_lists" / "mouse.txt").read_text() == "GATA1\nKLF4\nMYC\nSOX2\n"
    assert {path.name for path in cache.iterdir()} == {"downloads", "tf_lists"}

    # What earlier commands left in the cache does not decide what the names mean.
    assert ours == {species: read_tf_list(species) for species in ("human", "mouse")}
    own = tmp_path / "data" / "tf_lists"
    own.mkdir(parents=True)
    (own / "mouse.txt").write_text("Own\n")
    monkeypatch.setenv("GRN_DATA", str(tmp_path / "data"))
    assert read_tf_list("mouse") == ["Own"]
    assert f"mouse TFs: those of {own / 'mouse.txt'}" in caplog.messages
    (tmp_path / "mouse").write_text("File\n")
    assert read_tf_list("mouse") == ["File"]
    assert len(server.asked) == 2


@pytest.mark.parametrize(("species", "size"), [("human", 1430), ("mouse", 1136)])
def test_lists_of_the_package_are_whole_and_state_their_terms(species: str, size: int) -> None:
    path = tf_lists._SHIPPED / f"{species}.txt"
    names = read_tf_list(path)
    assert len(names) == size
    assert names == sorted(names)
    spelled = str.upper if species == "human" else str.capitalize
    # Factors of blood, stem cells, liver and the clock; neither cofactors nor a kinase.
    assert {spelled(name) for name in ("SPI1", "GATA1", "POU5F1", "HNF4A", "CLOCK")} <= set(names)
    assert not {spelled(name) for name in ("EP300", "AKT1", "ACTB")} & set(names)
    head = path.read_text(encoding="utf-8").split("\n" + names[0])[0]
    assert "CC BY 4.0" in head
    assert "10.1093/genetics/iyad031" in head


def test_both_lists_are_of_the_same_factors() -> None:
    human, mouse = (
        {name.upper() for name in read_tf_list(tf_lists._SHIPPED / f"{species}.txt")}
        for species in ("human", "mouse")
    )
    # Zinc fingers are called otherwise: ZNF148 and Zfp148.
    named_alike = {name for name in mouse if not name.startswith(("ZFP", "ZNF"))}
    assert len(human & named_alike) > 0.85 * len(named_alike)


def test_what_was_put_into_the_cache_by_hand_stays(record: tuple[RecordServer, Path]) -> None:
    _, cache = record
    (cache / "tf_lists").mkdir(parents=True)
    (cache / "tf_lists" / "human.txt").write_text("MINE\n")
    fetched = fetch_tf_lists()
    assert read_tf_list(fetched / "mouse.txt") == ["GATA1", "KLF4", "MYC", "SOX2"]
    assert read_tf_list(fetched / "human.txt") == ["MINE"]


def test_lists_of_other_species_are_fetched_by_name(
    record: tuple[RecordServer, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, cache = record
    server.files["fly"] = b"SYMBOL\tQUALIFIER\nftz\tenables\nbcd\tenables\nKr\tenables\n"
    listed = {"fly": ResourceFile("fly.txt", server.url("fly"))}
    fly = Resource("tfs-fly", "tf_lists", "TFs", "CC BY 4.0", "10.1/x", "https://x.org", listed)
    for module in (tf_lists, resources):
        monkeypatch.setattr(module, "read_resources", lambda: {"tfs-fly": fly})
    for _ in range(2):
        assert read_tf_list("fly") == ["Kr", "bcd", "ftz"]
    assert [path for path, _ in server.asked] == ["fly"]
    (cache / "tf_lists/fly.txt").unlink()
    server.files.clear()
    with pytest.raises(InputError, match=r"fly TF list is not at .*answered 404.*name per line"):
        read_tf_list("fly")
    with pytest.raises(InputError, match="one of human, mouse, fly"):
        read_tf_list("newt")


def test_without_the_record_the_message_says_what_to_do(
    record: tuple[RecordServer, Path],
) -> None:
    server, cache = record
    server.files.clear()
    with pytest.raises(InputError) as error:
        fetch_tf_lists()
    for part in (
        "answered 404",
        "download BEELINE-Networks.zip from https://doi.org/10.5281/zenodo.3701939",
        f"put it at {cache / 'downloads' / 'BEELINE-Networks.zip'}",
    ):
        assert part in str(error.value)
    by_hand = cache / "downloads" / "BEELINE-Networks.zip"
    by_hand.parent.mkdir(parents=True)
    by_hand.write_bytes(networks_zip())
    assert read_tf_list(fetch_tf_lists() / "mouse.txt") == ["GATA1", "KLF4", "MYC", "SOX2"]


def test_a_record_without_lists(record: tuple[RecordServer, Path]) -> None:
    server, _ = record
    server.add_record({"BEELINE-Networks.zip": zipped({"x.txt": "1"})})
    with pytest.raises(InputError, match=r"has no human-tfs\.csv"):
        fetch_tf_lists()


@pytest.mark.data
def test_lists_of_the_shared_data(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRN_DATA", str(shared_data))
    human, mouse = read_tf_list("human"), read_tf_list("mouse")
    assert len(human) == 1563
    assert len(mouse) == 1479
    assert {"SOX2", "GATA1"} <= set(human)


@pytest.mark.parametrize(
    "names",
    [
        ["Gene1", "Gene5", "Gene7"],
        ["Gene9", "Gene1", "Gene7", "Gene2"],
        ["SOX2", "TF", "NANOG", "POU5F1"],
        ["SOX2", "NANOG", "Name", "POU5F1"],
    ],
)
def test_a_name_that_is_also_a_word_of_headers_loses_none(
    names: list[str], tmp_path: Path
) -> None:
    (tmp_path / "tfs.txt").write_text("\n".join(names) + "\n")
    assert read_tf_list(tmp_path / "tfs.txt") == names
