import re
from collections.abc import Callable
from inspect import signature
from pathlib import Path

import networkx as nx
import pandas as pd
import pytest

import grn.export
from grn.cli.export import FORMATS
from grn.edges.read import read_edges
from tests.helpers import refuses, written

Cli = Callable[..., tuple[int, str, str]]
EDGES = pd.DataFrame(
    {
        "source": ["GATA1", "SPI1", "GATA1", "MYC"],
        "target": ["SPI1", "KLF1", "KLF1", "KLF1"],
        "weight": [-2.0, -0.75, 0.5, 0.25],
        "importance": [2.0, 0.75, 0.5, 0.25],
    }
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    EDGES.to_csv(folder / "edges.tsv", sep="\t", index=False)
    parts = [EDGES.assign(group="B cells"), EDGES.head(2).assign(group="T / NK", weight=7.0)]
    pd.concat(parts).to_csv(folder / "edges_by_group.tsv", sep="\t", index=False)
    return folder


def test_every_format_is_written_into_the_folder(cli: Cli, run: Path) -> None:
    pytest.importorskip("ndex2")
    before = written(run)
    for name in FORMATS:
        code, out, err = cli("export", run, "--to", name)
        assert code == 0, err
        assert out.split() == [str(run / FORMATS[name].file)]
    assert written(run) - before == {one.file for one in FORMATS.values()}
    assert set(nx.read_graphml(run / "network.graphml")) == {"GATA1", "SPI1", "KLF1", "MYC"}
    pd.testing.assert_frame_equal(read_edges(run / "edges.csv"), EDGES)
    base = pd.read_parquet(run / "base_network.parquet").set_index("gene_short_name")
    assert base.loc["KLF1", ["GATA1", "MYC", "SPI1"]].tolist() == [1, 1, 1]


def test_the_numbers_of_edges_are_those_of_python() -> None:
    for name, one in FORMATS.items():
        parameters = signature(getattr(grn.export, one.writer)).parameters
        assert parameters["top"].default == one.top, name


def test_a_group_and_a_number_of_edges(cli: Cli, run: Path, tmp_path: Path) -> None:
    assert cli("export", run, "--to", "r", "--group", "T / NK")[0] == 0
    assert read_edges(run / "edges_T _ NK.csv")["weight"].tolist() == [7.0, 7.0]
    output = tmp_path / "two.csv"
    assert cli("export", run / "edges.tsv", "--to", "r", "--top", 3, "--output", output)[0] == 0
    assert len(read_edges(output)) == 3


def test_what_cannot_be_written_is_refused(cli: Cli, run: Path, tmp_path: Path) -> None:
    assert cli("export", run, "--to", "r")[0] == 0
    refuses(cli("export", run, "--to", "r"), "exists already", "--output", "--overwrite")
    assert cli("export", run, "--to", "r", "--overwrite", "--top", 1)[0] == 0
    assert len(read_edges(run / "edges.csv")) == 1
    refuses(cli("export", run, "--to", "gmt", "--group", "T cells"), "no group 'T cells'")
    refuses(
        cli("export", run, "--to", "gmt", "--overwrite", "--top", 0), "--top is 0", "at least 1"
    )
    refuses(cli("export", tmp_path, "--to", "gmt"), "holds no edges.tsv")
    code, _, err = cli("export", run, "--to", "gml")
    assert code == 2
    assert "celloracle" in err
    assert not re.findall(r"\.tmp", " ".join(written(tmp_path)))
