from pathlib import Path

import pandas as pd
import pytest

from grn.edges.motifs import read_motifs
from grn.errors import InputError
from grn.export.base_network import base_network, write_base_network

EDGES = pd.DataFrame(
    [("B", "C"), ("A", "C"), ("A", "D"), ("C", "A"), ("B", "E")], columns=["source", "target"]
)
EDGES["weight"] = EDGES["importance"] = [5.0, 4.0, 3.0, 2.0, 1.0]


def target_to_tfs(table: pd.DataFrame) -> dict[str, list[str]]:
    """Read a base network as `Oracle.import_TF_data(TF_info_matrix=...)` of CellOracle does."""
    summed = table.drop(["peak_id"], axis=1).groupby(by="gene_short_name").sum()
    return {gene: summed.columns[row > 0].to_list() for gene, row in summed.iterrows()}


def test_columns_are_those_of_celloracle() -> None:
    table = base_network(EDGES, top=4)
    assert table.columns.tolist() == ["peak_id", "gene_short_name", "A", "B", "C"]
    assert target_to_tfs(table) == {"A": ["C"], "C": ["A", "B"], "D": ["A"]}
    assert table["peak_id"].is_unique


@pytest.mark.parametrize("name", ["base.parquet", "base.tsv"])
def test_a_written_table_holds_the_best_edges(tmp_path: Path, name: str) -> None:
    write_base_network(EDGES, tmp_path / name, top=3)
    read = (
        pd.read_parquet if name.endswith("parquet") else lambda path: pd.read_csv(path, sep="\t")
    )
    assert target_to_tfs(read(tmp_path / name)) == {"C": ["A", "B"], "D": ["A"]}
    pairs = read_motifs(tmp_path / name)
    assert pairs is not None
    assert set(zip(pairs["source"], pairs["target"], strict=True)) == {
        *(("A", "C"), ("A", "D"), ("B", "C"))
    }


def test_all_edges_where_none_are_cut_and_less_than_one_is_refused() -> None:
    assert base_network(EDGES, top=None).iloc[:, 2:].to_numpy().sum() == len(EDGES)
    with pytest.raises(InputError, match="top: got 0"):
        base_network(EDGES, top=0)


def test_names_with_tabs_and_line_breaks_stay_in_their_columns(tmp_path: Path) -> None:
    names = {"A": "a\tb", "C": "c\nd"}
    edges = EDGES.replace({"source": names, "target": names})
    write_base_network(edges, tmp_path / "base.tsv")
    read = pd.read_csv(tmp_path / "base.tsv", sep="\t")
    pd.testing.assert_frame_equal(read, base_network(edges), check_dtype=False)
    with pytest.raises(InputError, match="control character"):
        write_base_network(edges.replace({"source": {"B": "\x1b"}}), tmp_path / "base.tsv")
