from pathlib import Path

import pandas as pd
import pytest

from grn.edges.motifs import read_motifs
from grn.errors import InputError

PAIRS = [("Gata1", "Tal1"), ("Sox2", "Klf4"), ("Sox2", "Tal1")]


@pytest.fixture
def base() -> pd.DataFrame:
    """A base network as CellOracle writes it: two peaks of Tal1, and Sox2 in its own promoter."""
    return pd.DataFrame(
        {
            "peak_id": ["chr1_1_2", "chr1_5_6", "chr2_1_2", "chr3_1_2"],
            "gene_short_name": ["Tal1", "Tal1", "Klf4", "Sox2"],
            "Gata1": [0.0, 1.0, 0.0, 0.0],
            "Sox2": [1.0, 1.0, 1.0, 1.0],
            "Myc": [0.0, 0.0, 0.0, 0.0],
        }
    )


@pytest.mark.parametrize("suffix", ["table", ".parquet", ".csv", ".tsv"])
@pytest.mark.parametrize("indexed", [False, True])
def test_peaks_of_a_gene_are_taken_together(
    base: pd.DataFrame, suffix: str, indexed: bool, tmp_path: Path
) -> None:
    path = tmp_path / f"base{suffix}"
    if suffix == ".parquet":
        base.to_parquet(path, index=True)
    elif suffix != "table":
        base.to_csv(path, sep="\t" if suffix == ".tsv" else ",", index=indexed)
    found = read_motifs(base if suffix == "table" else path)
    assert found is not None
    assert list(found[["source", "target"]].itertuples(index=False, name=None)) == PAIRS
    assert found["importance"].tolist() == [1.0] * 3


def test_many_tfs_are_read_some_at_a_time(tmp_path: Path) -> None:
    names = [f"TF{i:03d}" for i in range(150)]
    base = pd.DataFrame({"peak_id": ["p"], "gene_short_name": ["G"], **{tf: [1] for tf in names}})
    base.to_parquet(tmp_path / "base.parquet")
    found = read_motifs(tmp_path / "base.parquet")
    assert found is not None
    assert found["source"].tolist() == names


@pytest.mark.parametrize("gene", ["gene_short_name", "target", "Gene"])
def test_a_list_of_motifs(gene: str, tmp_path: Path) -> None:
    rows = [*reversed(PAIRS), PAIRS[0], ("Sox2", "Sox2")]
    pd.DataFrame(rows, columns=["motif", gene]).to_csv(tmp_path / "list.tsv", sep="\t")
    found = read_motifs(tmp_path / "list.tsv")
    assert found is not None
    assert list(found[["source", "target"]].itertuples(index=False, name=None)) == PAIRS


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"source": ["A"], "target": ["B"]}),
        pd.DataFrame({"TF": ["A"], "target": ["B"], "importance": [3.0]}),
        pd.DataFrame({"tf": ["A"], "gene_short_name": ["B"]}),
    ],
)
def test_known_edges_are_no_motifs(frame: pd.DataFrame, tmp_path: Path) -> None:
    assert read_motifs(frame) is None
    frame.to_parquet(tmp_path / "edges.parquet")
    assert read_motifs(tmp_path / "edges.parquet") is None


def test_what_cannot_be_motifs_is_refused(base: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'Sox2' holds something other than 0 and 1"):
        read_motifs(base.assign(Sox2=[0.5, 1, 0, 0]))
    with pytest.raises(InputError, match="no motif of a TF"):
        read_motifs(base.assign(Sox2=0, Gata1=0))
    with pytest.raises(InputError, match="without a column of genes; found motif, peak"):
        read_motifs(pd.DataFrame({"motif": ["A"], "peak": ["p"]}))
    with pytest.raises(InputError, match="no such file"):
        read_motifs(tmp_path / "absent.parquet")
