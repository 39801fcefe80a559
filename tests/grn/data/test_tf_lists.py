"""TF lists: what is tolerated in a file, what is refused, and where species lists lie."""

from pathlib import Path

import pytest

from grn.data.tf_lists import read_tf_list
from grn.errors import InputError


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
    ],
)
def test_one_name_a_line_in_order_and_once(tmp_path: Path, text: str) -> None:
    assert read_tf_list(write(tmp_path, text)) == ["SOX2", "GATA1", "AR"]


def test_missing_empty_binary(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no TF list at"):
        read_tf_list(tmp_path / "missing.txt")
    with pytest.raises(InputError, match="is a folder"):
        read_tf_list(tmp_path)
    for text in ["", "\n\n", "# nothing\n", "TF\n"]:
        with pytest.raises(InputError, match="holds no names"):
            read_tf_list(write(tmp_path, text))
    for noise in [bytes(range(256)), b"SOX2\0GATA1\n"]:
        (tmp_path / "x.bin").write_bytes(noise)
        with pytest.raises(InputError, match=r"not a text file|binary file"):
            read_tf_list(tmp_path / "x.bin")


def test_species_lists_come_from_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRN_DATA", str(tmp_path / "data"))
    (tmp_path / "data" / "tf_lists").mkdir(parents=True)
    with pytest.raises(InputError, match=r"mouse TF list is not at .*tf_lists/mouse\.txt"):
        read_tf_list("mouse")
    (tmp_path / "data/tf_lists/mouse.txt").write_text("Sox2\nGata1\n")
    assert read_tf_list("mouse") == ["Sox2", "Gata1"]
    monkeypatch.setenv("GRN_DATA", str(tmp_path / "missing"))
    with pytest.raises(InputError, match=r"human TF list .*tf_lists/human\.txt .*GRN_DATA"):
        read_tf_list("human")


@pytest.mark.data
def test_lists_of_the_shared_data(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRN_DATA", str(shared_data))
    human, mouse = read_tf_list("human"), read_tf_list("mouse")
    assert len(human) == 1563
    assert len(mouse) == 1479
    assert {"SOX2", "GATA1"} <= set(human)
