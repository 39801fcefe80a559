from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with the network of three genes, of which A represses B."""
    rng = np.random.default_rng(0)
    a = rng.uniform(0.5, 1.5, 40)
    roots = np.stack([a, 2 - a, rng.uniform(0, 1, 40)], axis=1)
    weights = np.zeros((3, 3), dtype=np.float32)
    weights[0, 1] = -1
    network = anndata.AnnData(
        X=np.square(roots).astype(np.float32),
        obs=pd.DataFrame({"kind": ["x", "y"] * 20}, index=[f"c{i}" for i in range(40)]),
        var=pd.DataFrame(index=["A", "B", "C"]),
        varp={"grn": sp.csr_matrix(weights)},
    )
    folder = tmp_path / "run"
    folder.mkdir()
    network.write_h5ad(folder / "network.h5ad")
    return folder


def test_responses_are_shown_and_written(cli: Cli, run: Path, tmp_path: Path) -> None:
    code, out, err = cli("knockout", run, "A", "--output", "found.tsv", "--top", 1)
    assert code == 0, err
    assert "Response to A in all cells" in out
    found = pd.read_csv(tmp_path / "found.tsv", sep="\t")
    assert found["gene"].tolist() == ["A", "B", "C"]
    assert found["sign"].tolist()[:2] == [-1, 1]
    assert "B" in out
    assert " C " not in out


def test_over_expression_and_groups(cli: Cli, run: Path, tmp_path: Path) -> None:
    arguments = ("--overexpress", "--groupby", "kind", "--group", "y", "--output", "found.tsv")
    code, out, err = cli("knockout", run, "A", *arguments)
    assert code == 0, err
    assert "in y cells" in out
    found = pd.read_csv(tmp_path / "found.tsv", sep="\t").set_index("gene")
    assert set(found["group"]) == {"y"}
    assert found.loc["B", "sign"] == -1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "A"], "holds no network.h5ad"),
        (["run", "Z"], "no gene of this network"),
        (["run", "C"], "regulates no gene"),
        (["run", "A", "--group", "x"], "name the column of obs"),
        (["run", "A", "--top", 0], "--top is 0"),
    ],
)
def test_what_the_user_can_fix_is_said(
    cli: Cli, run: Path, arguments: list[Any], said: str
) -> None:
    code, _, err = cli("knockout", *arguments)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_a_file_that_is_no_network_is_named(cli: Cli, run: Path) -> None:
    (run / "network.h5ad").write_text("nothing")
    code, _, err = cli("knockout", run, "A")
    assert code == 2
    assert "network.h5ad cannot be read" in err


def test_the_folder_of_a_run_is_enough(cli: Cli, infer: Cli, tmp_path: Path) -> None:
    assert infer()[0] == 0
    code, _, err = cli("knockout", "out", "TF01", "TF02", "--output", "found.tsv")
    assert code == 0, err
    assert "docs/benchmarks.md" in err  # how far to trust it
    found = pd.read_csv(tmp_path / "found.tsv", sep="\t")
    assert set(found.loc[found["perturbed"], "gene"]) == {"TF01", "TF02"}
    assert found["response"].notna().all()
