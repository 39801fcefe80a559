from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.helpers import refuses

Cli = Callable[..., tuple[int, str, str]]
EDGES = pd.DataFrame(
    {
        "source": ["GATA1", "GATA1", "SPI1", "MYC"],
        "target": ["KLF1", "SPI1", "KLF1", "KLF1"],
        "weight": [0.5, -2.0, -0.71234, 0.1],
        "importance": [0.5, 2.0, 0.71234, 0.1],
    }
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    EDGES.to_csv(folder / "edges.tsv", sep="\t", index=False)
    return folder


def rows(out: str) -> list[list[str]]:
    return [line.strip("│ ").split() for line in out.splitlines() if line.startswith("│")]


def test_regulators_of_a_gene_are_printed_best_first(cli: Cli, run: Path) -> None:
    code, out, err = cli("show", run, "--gene", "KLF1", "--top", 2)
    assert code == 0, err
    assert "Regulators of KLF1" in out
    found = [[field for field in row if field != "│"] for row in rows(out)]
    assert found == [["SPI1", "KLF1", "-0.712", "0.712"], ["GATA1", "KLF1", "0.5", "0.5"]]


def test_targets_of_a_tf_are_printed_from_a_file_too(cli: Cli, run: Path) -> None:
    code, out, err = cli("show", run / "edges.tsv", "--tf", "GATA1")
    assert code == 0, err
    assert [row[2] for row in rows(out)] == ["SPI1", "KLF1"]


def test_a_group_has_its_own_table(cli: Cli, run: Path) -> None:
    asked = ("show", run, "--tf", "MYC", "--group", "T cells")
    refuses(cli(*asked), "no networks by group", "--groupby")
    parts = [EDGES.assign(group="B cells"), EDGES.assign(group="T cells", weight=7.0)]
    pd.concat(parts).to_csv(run / "edges_by_group.tsv", sep="\t", index=False)
    code, out, err = cli(*asked)
    assert code == 0, err
    assert "Targets of MYC in T cells" in out
    assert [row[4] for row in rows(out)] == ["7"]
    refuses(cli("show", run, "--tf", "MYC", "--group", "T cell"), "T cells")


def test_what_is_not_there_is_said(cli: Cli, run: Path, tmp_path: Path) -> None:
    refuses(cli("show", run, "--tf", "Gata1"), "did you mean GATA1")
    refuses(cli("show", tmp_path, "--tf", "GATA1"), "holds no edges.tsv")
    refuses(cli("show", tmp_path / "none", "--tf", "GATA1"), "no such file")
    assert cli("show", run)[0] == 2
