import gzip
import logging

import numpy as np
import pandas as pd
import pytest

from grn.edges.matrix import adjacency, edge_table
from grn.edges.read import read_edges, read_truth
from grn.errors import InputError


def write(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "weight", "importance"),
    [
        ("source,target,weight\nA,B,-2\nB,C,1\n", [-2.0, 1.0], [2.0, 1.0]),
        # BEELINE: tab-separated whatever the suffix.
        ("Gene1\tGene2\tEdgeWeight\nA\tB\t-2\nB\tC\t1\n", [-2.0, 1.0], [2.0, 1.0]),
        # arboreto, with the row index that pandas writes.
        (",TF,target,importance\n7,B,C,1\n3,A,B,2.5\n", [2.5, 1.0], [2.5, 1.0]),
        ('"source";"target";"weight"\n"A";"B";"-2"\n"B";"C";1\n', [-2.0, 1.0], [2.0, 1.0]),
        # R writes row names without a header for them.
        ("Gene1\tGene2\tEdgeWeight\n1\tA\tB\t-2\n2\tB\tC\t1\n", [-2.0, 1.0], [2.0, 1.0]),
        (
            "target,source,importance,weight\nC,B,1,-9\nB,A,3,4\n",
            [4.0, -9.0],
            [3.0, 1.0],
        ),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_read_edges_accepts_the_spellings_of_other_tools(
    tmp_path, text, weight, importance, zipped
):
    path = tmp_path / "edges.csv"
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    edges = read_edges(path)
    assert list(edges.columns) == ["source", "target", "weight", "importance"]
    assert edges["source"].tolist() == ["A", "B"]
    assert edges["target"].tolist() == ["B", "C"]
    assert edges["weight"].tolist() == weight
    assert edges["importance"].tolist() == importance


def test_read_edges_keeps_other_columns_and_names_that_look_like_numbers_or_missing(tmp_path):
    path = write(
        tmp_path / "e.tsv", "source\ttarget\tweight\trow_norm\n1\tNA\t1\t.5\nnan\t2\t3\t.25\n"
    )
    edges = read_edges(path)
    assert edges["source"].tolist() == ["nan", "1"]
    assert edges["target"].tolist() == ["2", "NA"]
    assert edges["row_norm"].tolist() == [0.25, 0.5]


def test_read_edges_does_not_depend_on_the_order_of_rows(caplog):
    edges = pd.DataFrame(
        [("B", "A", 1.0), ("A", "C", -1.0), ("A", "B", 1.0), ("A", "A", 9.0), ("B", "A", -3.0)],
        columns=["source", "target", "weight"],
    )
    with caplog.at_level(logging.INFO):
        first = read_edges(edges)
    assert first[["source", "target", "weight"]].to_numpy().tolist() == [
        ["B", "A", -3.0],
        ["A", "B", 1.0],
        ["A", "C", -1.0],
    ]
    assert "1 self-loops dropped" in caplog.text
    assert "1 duplicated edges dropped" in caplog.text
    for seed in range(5):
        shuffled = edges.sample(frac=1, random_state=seed)
        pd.testing.assert_frame_equal(read_edges(shuffled), first)


def test_read_truth_normalises_signs_duplicates_and_loops(tmp_path, caplog):
    path = write(
        tmp_path / "truth.csv",
        "Gene1,Gene2,Type\nB,C,-\nA,B,+\nA,B,+\nA,C,+\nA,C,-\nC,C,+\nB,A,\n",
    )
    with caplog.at_level(logging.INFO):
        truth = read_truth(path)
    assert truth.to_numpy().tolist() == [
        ["A", "B", 1],
        ["A", "C", 0],
        ["B", "A", 0],
        ["B", "C", -1],
    ]
    assert "1 self-loops" in caplog.text
    assert "2 duplicated" in caplog.text


@pytest.mark.parametrize(
    "signs", [["1", "-1", "0"], [1, -1, 0], [1.0, -1.0, 0.0], ["+", "-", "?"]]
)
def test_read_truth_understands_each_way_to_write_a_sign(signs):
    truth = read_truth(pd.DataFrame({"source": ["A", "B", "C"], "target": "D", "sign": signs}))
    assert truth["sign"].tolist() == [1, -1, 0]


def test_truth_without_signs_has_no_sign_column(tmp_path):
    truth = read_truth(write(tmp_path / "t.csv", "source,target,source_db\nB,A,x\nA,B,y\n"))
    assert truth.to_dict("list") == {"source": ["A", "B"], "target": ["B", "A"]}


def truncated_gzip():
    text = "source,target,weight\n" + "".join(f"A{i},B{i * 7919 % 1000},{i}\n" for i in range(999))
    return gzip.compress(text.encode())[:-600]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as a table"),
        (truncated_gzip(), "cannot be read as a table"),
        (b"\x1f\x8b\x08\x00", "cannot be read as a table"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe\x00", "cannot be read as a table"),
        (b"a,b,weight\nA,B,x\n", "no column source or target; found a, b, weight"),
        (b"source,target,score\nA,B,1\n", "no column weight; found source, target, score"),
        (b"source,target,weight\n", "holds a header and no edge"),
        (b"source,target,weight\nA,B,1\nA,C,high\n", "'high' in row 2"),
        (b"source,target,weight\nA,B,nan\n", "'nan' in row 1"),
        (b"source,target,weight\nA,B,inf\n", "not finite"),
        (b"source,target,weight\nA,B,\n", "not finite"),
        (b"source,target,weight\nA,,1\n", "1 rows have no target"),
        (b"source,target,weight\nA,A,1\n", "every edge is a self-loop"),
        (b"source,target,weight\nA,B,1\nA,B,1,1,1,1\n", "cannot be read as a table"),
    ],
)
def test_read_edges_refuses_a_bad_file(tmp_path, content, message):
    path = tmp_path / "edges.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as raised:
        read_edges(path)
    assert str(path) in str(raised.value)


def test_missing_file_and_bad_sign(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_truth(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="no such file"):
        read_edges(tmp_path)
    path = write(tmp_path / "t.csv", "source,target,sign\nA,B,1\nA,C,often\n")
    with pytest.raises(InputError, match=r"'often' in the column 'sign' .*Expected 1, -1"):
        read_truth(path)


def test_missing_name_in_a_table_is_refused():
    with pytest.raises(InputError, match="1 rows have no source, the first is row 2"):
        read_truth(pd.DataFrame({"source": ["A", np.nan], "target": ["B", "C"]}))


def test_read_truth_takes_trrust_as_it_is(tmp_path):
    text = "MYC\tTP53\tRepression\t1;2\nJUN\tFOS\tActivation\t3\nMYC\tTP53\tActivation\t4\n"
    truth = read_truth(write(tmp_path / "trrust.tsv", text + "E2F1\tMYC\tUnknown\t5\n"))
    assert truth.to_numpy().tolist() == [["E2F1", "MYC", 0], ["JUN", "FOS", 1], ["MYC", "TP53", 0]]


def test_rows_labelled_as_none_are_no_edges(tmp_path, caplog):
    path = write(tmp_path / "gold.csv", "TF,Target,Label\nA,B,1\nA,C,0\nB,C,1\nC,A,0\n")
    with caplog.at_level(logging.INFO):
        truth = read_truth(path)
    assert truth.to_dict("list") == {"source": ["A", "B"], "target": ["B", "C"]}
    assert "2 of 4 rows are edges, by the column 'Label'" in caplog.text


def test_a_ranking_that_is_given_as_known_edges_keeps_its_signs_and_is_warned_of(caplog):
    genes = [f"g{i}" for i in range(12)]
    weight = np.random.default_rng(0).normal(size=(12, 12))
    edges = edge_table(weight, np.abs(weight), genes, genes)
    truth = read_truth(edges)
    assert len(truth) == 132
    signs = adjacency(truth, genes, genes, "sign")
    assert (signs == np.sign(weight) * (1 - np.eye(12))).all()
    assert "132 of the 132 pairs" in caplog.text
    caplog.clear()
    assert len(read_truth(edges.head(30))) == 30
    assert not caplog.text


def test_read_edges_takes_what_arboreto_writes_without_a_header(tmp_path):
    edges = read_edges(write(tmp_path / "network.tsv", "B\tC\t1\nA\tB\t2.5\n"))
    assert edges.to_numpy().tolist() == [["A", "B", 2.5, 2.5], ["B", "C", 1.0, 1.0]]


@pytest.mark.data
def test_read_truth_takes_the_whole_of_trrust(shared_data):
    path = shared_data / "signed" / "trrust_human.tsv"
    truth = read_truth(path)
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    assert len(truth) == len({(tf, target) for tf, target, *_ in lines if tf != target})
    signs = {(tf, target): [] for tf, target, *_ in lines}
    for tf, target, mode, _ in lines:
        signs[tf, target].append({"Activation": 1, "Repression": -1, "Unknown": 0}[mode])
    one_sided = {pair: set(found) - {0} for pair, found in signs.items()}
    for tf, target, sign in truth.itertuples(index=False):
        known = one_sided[tf, target]
        assert sign == (known.pop() if len(known) == 1 else 0), (tf, target)
