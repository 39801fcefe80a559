"""Files of edges as people have them: what stands around names, rows and header."""

import codecs
import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grn.edges.load import load
from grn.edges.motifs import read_motifs
from grn.edges.read import read_edges, read_truth
from grn.errors import InputError

WANTED = [["A", "B", 1], ["A", "C", -1], ["B", "A", 1]]


@pytest.mark.parametrize(
    "text",
    [
        "source,target,sign\nA,B,1\nA,C,-1\nB,A,1\n",
        "source , target , sign\nA , B , 1\nA , C , -1\nB , A , 1\n",
        "source;target;sign\r\nA;B;1\r\nA;C;-1\r\nB;A;1\r\n",
        "source,target,sign\rA,B,1\rA,C,-1\rB,A,1\r",
        "source\ttarget\tsign\nA \tB\t1\n A\tC\t-1\nB\tA\t1",
        "source target sign\nA B 1\nA C -1\nB A 1\n",
        "source   target  sign\nA        B       1\nA        C       -1\nB        A       1\n",
        '"source","target","sign"\n"A","B",1\n"A","C",-1\n"B ","A",1\n',
        "source,target,sign\n'A','B',1\n'A','C',-1\n'B','A',1\n",
        '"","source","target","sign"\n"1","A","B",1\n"2","A","C",-1\n"3","B","A",1\n',
        ",source,target,sign\n0,A,B,1\n1,A,C,-1\n2,B,A,1\n",
        "index,source,target,sign\n0,A,B,1\n1,A,C,-1\n2,B,A,1\n",
        "source,target,sign\n1,A,B,1\n2,A,C,-1\n3,B,A,1\n",  # R's names of rows
        "source,target,sign,\nA,B,1,\nA,C,-1,\nB,A,1,\n",
        "source,target,sign\nA,B,1,\nA,C,-1,\nB,A,1,\n",
        "# made by hand\n# in 2024\n\nsource,target,sign\nA,B,1\n\nA,C,-1\nB,A,1\n\n",
        "#source\ttarget\tsign\nA\tB\t1\nA\tC\t-1\nB\tA\t1\n",
        "Table S1. TF and target, with sign\nTF,Target gene,Sign\nA,B,+\nA,C,-\nB,A,+\n",
        "Regulator,Target,Effect\nA,B,activation\nA,C,repression\nB,A,activation\n",
        "target,sign,source\nB,1,A\nC,-1,A\nA,1,B\n",
        "from,to,sign\nA,B,1\nA,C,-1\nB,A,1\n",
        # Without a header.
        "A,B,1\nA,C,-1\nB,A,1\n",
        "A\tB\t+\nA\tC\t-\nB\tA\t+\n",
        "A\tB\tActivation\t123;45;6\nA\tC\tRepression\t7\nB\tA\tActivation\t8\n",
        "0,A,B,1\n1,A,C,-1\n2,B,A,1\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gzip"])
def test_the_same_edges_in_every_writing(tmp_path, text, encoding):
    path = tmp_path / "edges.txt"
    data = gzip.compress(text.encode()) if encoding == "gzip" else codecs.encode(text, encoding)
    path.write_bytes(data)
    assert read_truth(path).to_numpy().tolist() == WANTED


def test_pairs_without_header_or_sign(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("A,B\nB,C\nC,A\n")
    assert read_truth(path).to_numpy().tolist() == [["A", "B"], ["B", "C"], ["C", "A"]]
    # The gold standards of DREAM: every pair, true ones labelled 1.
    path.write_text("G1\tG2\t1\nG1\tG3\t1\nG2\tG1\t0\nG3\tG1\t0\n")
    assert read_truth(path).to_numpy().tolist() == [["G1", "G2"], ["G1", "G3"]]
    # Nothing tells whether the first line is a header.
    path.write_text("Alpha,Beta\nA,B\n")
    with pytest.raises(InputError, match="no column source or target; found Alpha, Beta"):
        read_truth(path)


def test_names_stay_text_and_inner_blanks_and_quotes_stay(tmp_path):
    path = tmp_path / "edges.tsv"
    path.write_text(
        'source\ttarget\tweight\n001\tNA\t3\n"Gen""7"\ta b\t2\nGen"8\tHox\'s\t1\n', newline=""
    )
    edges = read_edges(path)
    assert edges[["source", "target"]].to_numpy().tolist() == [
        *[["001", "NA"], ['Gen"7', "a b"], ['Gen"8', "Hox's"]]
    ]


def test_symbols_come_before_the_ids_that_stand_beside_them(tmp_path):
    path = tmp_path / "omnipath.tsv"
    path.write_text(
        "source\ttarget\tsource_genesymbol\ttarget_genesymbol\tis_directed\tis_stimulation\t"
        "is_inhibition\nP01106\tP04637\tMYC\tTP53\tTrue\tFalse\tTrue\n"
    )
    assert read_truth(path).to_numpy().tolist() == [["MYC", "TP53", -1]]


def test_parquet_and_decimal_commas(tmp_path):
    table = pd.DataFrame({"source": ["A"], "target": ["B"], "weight": [-0.25]})
    table.to_parquet(tmp_path / "edges.parquet")
    (tmp_path / "edges.csv").write_text("source;target;weight\nA;B;-0,25\n")
    for name in ("edges.parquet", "edges.csv"):
        assert read_edges(tmp_path / name).to_numpy().tolist() == [["A", "B", -0.25, 0.25]]


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    """What pandas noted of the columns lacks a word, or a text is not UTF-8."""
    path = tmp_path / "edges.parquet"
    table = pa.Table.from_pandas(pd.DataFrame({"source": ["SPI1"], "target": ["GATA1"]}))
    notes = table.schema.metadata[b"pandas"].replace(b"pandas_type", b"pandas_typo")
    pq.write_table(table.replace_schema_metadata({b"pandas": notes}), path)
    with pytest.raises(InputError, match="KeyError: 'pandas_type'"):
        load(path)
    pq.write_table(table, path, compression="none", use_dictionary=False)
    path.write_bytes(path.read_bytes().replace(b"GATA1", b"G\xff\xfe\xfd1"))
    with pytest.raises(InputError, match="cannot be read as a table"):
        load(path)


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_parquet_that_was_cut_off_is_refused(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "motifs.parquet"
    pd.DataFrame({"peak_id": ["p"], "gene_short_name": ["B"], "SPI1": [1]}).to_parquet(path)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    for read in (load, read_motifs):
        with pytest.raises(InputError, match="cannot be read as a table"):
            read(path)


def test_a_workbook_is_refused_with_the_way_out(tmp_path):
    (tmp_path / "edges.xlsx").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(InputError, match="save the sheet as CSV"):
        load(tmp_path / "edges.xlsx")


def test_rows_with_more_fields_than_the_first_ones_lose_nothing_in_silence(tmp_path):
    rows = "".join(f"A{i},B,0.5\n" for i in range(300))  # beyond the lines that tell the layout
    path = tmp_path / "edges.csv"
    path.write_text(f"source,target,weight\n{rows}A,B,0.25,C\n")
    with pytest.raises(InputError, match="cannot be read as a table"):
        load(path)
    path.write_text("source,target,weight\nA,B,0.5,x,y\nB,C,0.5,x,y\n")
    with pytest.raises(InputError, match="more fields than there are columns"):
        load(path)
