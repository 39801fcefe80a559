import gzip

import numpy as np
import pandas as pd
import pytest

from grn.edges.matrix import edge_table
from grn.edges.read import read_edges, read_truth
from grn.errors import InputError
from grn.export import tables as module
from grn.export.edges import write_edges


def test_the_bytes_are_what_they_should_be(tmp_path):
    edges = pd.DataFrame(
        {
            "source": ["A", "B", "Ω"],
            "target": ["NA", "A", "A"],
            "weight": np.array([-1 / 3, 1e-12, -0.0], dtype=np.float32),
            "importance": [1 / 3, 123456789.0, np.nan],
            "n": [1, 2, 3],
        }
    )
    write_edges(edges, tmp_path / "edges.tsv")
    assert (tmp_path / "edges.tsv").read_bytes().decode() == (
        "source\ttarget\tweight\timportance\tn\n"
        "A\tNA\t-0.333333\t0.333333\t1\n"
        "B\tA\t1e-12\t1.23457e+08\t2\n"
        "Ω\tA\t0\tnan\t3\n"
    )


@pytest.mark.parametrize("name", ["edges.tsv", "edges.tsv.gz", "edges.parquet", "edges"])
def test_a_table_comes_back_as_it_was(tmp_path, monkeypatch, name):
    monkeypatch.setattr(module, "_ROWS_PER_BLOCK", 10)
    genes = [f"g{i}" for i in range(23)]
    weight = np.random.default_rng(0).normal(size=(5, 23))
    edges = edge_table(weight, np.abs(weight), genes[:5], genes, row_norm=np.arange(23) / 8)
    path = tmp_path / name
    write_edges(edges, path)
    pd.testing.assert_frame_equal(read_edges(path), edges, rtol=1e-5)
    if path.suffix == ".parquet":
        pd.testing.assert_frame_equal(pd.read_parquet(path), edges)
    else:
        pd.testing.assert_frame_equal(pd.read_csv(path, sep="\t"), edges, rtol=1e-5)
    first = path.read_bytes()
    assert (first[:2] == b"\x1f\x8b") == name.endswith(".gz")
    write_edges(edges, path)
    assert path.read_bytes() == first
    truth = read_truth(path)
    assert len(truth) == len(edges)
    assert set(truth["sign"]) == {-1, 1}
    write_edges(edges, path, top=7)
    assert len(read_edges(path)) == 7
    pd.testing.assert_frame_equal(read_edges(path), edges.head(7), rtol=1e-5)


def test_gzipped_text_has_no_time_and_no_name(tmp_path):
    edges = pd.DataFrame({"source": ["A"], "target": ["B"], "weight": [1.0]})
    for name in ("one.tsv.gz", "other.tsv.gz"):
        write_edges(edges, tmp_path / name)
    assert (tmp_path / "one.tsv.gz").read_bytes() == (tmp_path / "other.tsv.gz").read_bytes()
    text = gzip.decompress((tmp_path / "one.tsv.gz").read_bytes()).decode()
    assert text.splitlines()[1] == "A\tB\t1"


ODD = [
    'Gen"7',
    '"7"',
    '"',
    "A\tB",
    "A\nB",
    "A\r\nB",
    "3'",
    "'q'",
    "a, b;c",
    "NA",
    "#1",
    "A B",
    "Ω",
]


@pytest.mark.parametrize("suffix", [".tsv", ".tsv.gz", ".parquet"])
def test_odd_names_come_back(tmp_path, suffix):
    edges = pd.DataFrame({"source": ["A", *ODD], "target": [*ODD, "A"]})
    edges["weight"] = edges["importance"] = np.arange(len(edges), 0, -1.0)
    path = tmp_path / f"edges{suffix}"
    write_edges(edges, path)
    pd.testing.assert_frame_equal(read_edges(path), edges)
    if suffix != ".parquet":
        found = pd.read_csv(path, sep="\t", keep_default_na=False)
        assert found["target"].tolist() == edges["target"].tolist()


@pytest.mark.parametrize("name", ["", " ", "A\0B", "\x1b[1mA", "\ud800"])
def test_a_name_that_no_file_holds_is_refused(tmp_path, name):
    edges = pd.DataFrame({"source": ["A"], "target": [name], "weight": 1.0, "importance": 1.0})
    with pytest.raises(InputError, match=r"Rename it|Give it a name"):
        write_edges(edges, tmp_path / "edges.tsv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("top", [0, -3])
def test_a_number_of_edges_below_one_is_refused(tmp_path, top):
    edges = pd.DataFrame({"source": ["A"], "target": ["B"], "weight": 1.0})
    with pytest.raises(InputError, match=f"top: got {top}"):
        write_edges(edges, tmp_path / "edges.tsv", top=top)
