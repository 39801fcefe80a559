from collections.abc import Callable
from pathlib import Path

import anndata
import pandas as pd
import pytest

from grn.simulation.models import model_names
from tests.helpers import FAST, written

Cli = Callable[..., tuple[int, str, str]]


def test_simulate_then_infer_then_evaluate(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("simulate", "dyn-BF", "--cells", 60, "--output", "cells")
    assert code == 0, err
    assert "dyn-BF: 60 cells (control) × 7 genes, 12 edges → cells" in out
    where = ("--tfs", "cells/tfs.txt", "--output", "out")
    code, _, err = cli("infer", "cells", *where, "--set", *FAST)
    assert code == 0, err
    assert len(pd.read_csv(tmp_path / "out" / "edges.tsv", sep="\t")) == 7 * 6
    code, out, err = cli("evaluate", "out/edges.tsv", "--truth", "cells/refNetwork.csv")
    assert code == 0, err
    assert "random" in out


def test_perturbations_and_measurement_arrive(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli(
        *("simulate", "HSC", "--cells", 20, "--seed", 4, "--output", "o", "--dropout", 0.5),
        *("--depth", 30, "--knockout", "Gata1", "Pu1", "--knockdown", "Cebpa=0.25"),
    )
    assert code == 0, err
    assert "80 cells (control, Gata1, Pu1, Cebpa)" in out
    adata = anndata.read_h5ad(tmp_path / "o" / "cells.h5ad")
    assert (adata[adata.obs["perturbation"] == "Pu1"].to_df()["Pu1"] == 0).all()
    parameters = adata.uns["parameters"]
    assert parameters["perturbations"] == {"Gata1": 0.0, "Pu1": 0.0, "Cebpa": 0.25}
    assert (parameters["seed"], parameters["dropout"], parameters["depth"]) == (4, 0.5, 30.0)


def test_random_networks_have_the_chosen_size(cli: Cli, tmp_path: Path) -> None:
    sizes = ("--cells", 8, "--tfs", 5, "--targets", 11)
    assert cli("simulate", "random", *sizes, "--output", "o")[0] == 0
    assert anndata.read_h5ad(tmp_path / "o" / "cells.h5ad").shape == (8, 16)
    assert (tmp_path / "o" / "tfs.txt").read_text().split() == [f"TF0{n}" for n in range(1, 6)]


def test_contexts_have_a_truth_for_each_group(cli: Cli, tmp_path: Path) -> None:
    sizes = ("--sizes", 20, 10, "--tfs", 5, "--targets", 9, "--seed", 2)
    code, out, err = cli("simulate", "contexts", *sizes, "--depth", 0.5, "--output", "o")
    assert code == 0, err
    either = pd.read_csv(tmp_path / "o" / "refNetwork.csv")
    by_group = pd.read_csv(tmp_path / "o" / "refNetwork_by_group.csv")
    assert f"contexts: 30 cells (group_1, group_2) × 14 genes, {len(either)} edges → o" in out
    assert len(either) < len(by_group) < 2 * len(either)
    parameters = anndata.read_h5ad(tmp_path / "o" / "cells.h5ad").uns["parameters"]
    assert (parameters["seed"], parameters["depth"], parameters["dropout"]) == (2, 0.5, 0.15)


def test_an_existing_result_is_refused_before_time_is_spent(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("simulate", "mCAD", "--cells", 5, "--output", "o")
    assert cli(*arguments)[0] == 0
    before = (tmp_path / "o" / "cells.h5ad").read_bytes()
    assert cli(*arguments, "--seed", 1, "--overwrite")[0] == 0
    assert (tmp_path / "o" / "cells.h5ad").read_bytes() != before
    monkeypatch.setattr("grn.simulation.cells.simulate_model", None)
    code, _, err = cli(*arguments)
    assert code == 2
    assert "o already holds cells.h5ad" in err


def test_help_names_the_models(cli: Cli) -> None:
    code, out, _ = cli("simulate", "--help")
    assert code == 0
    assert ", ".join(model_names()) in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Gsd",), "no model 'Gsd'"),
        (("mCAD", "--knockout", "Pax7"), "whose genes are: Fgf8, Emx2, Pax6, Coup, Sp8"),
        (("mCAD", "--knockdown", "Pax6"), "--knockdown Pax6: expected GENE=FACTOR"),
        (("mCAD", "--knockdown", "Pax6=low"), "expected GENE=FACTOR"),
        (("mCAD", "--knockdown", "Pax6=2"), "between 0 and 1"),
        (("mCAD", "--cells", "0"), "at least 1 cell"),
        (("mCAD", "--targets", "9"), "mCAD is a fixed network"),
        (("mCAD", "--cells", "many"), "invalid int value"),
        (("mCAD", "--sizes", "9", "5"), "for mCAD use --cells instead"),
        (("contexts", "--sizes", "9"), "at least two groups"),
        (("contexts", "--cells", "9"), "give --sizes, such as 300 150 60"),
        (("contexts", "--knockout", "TF01"), "contexts have no perturbations"),
    ],
)
def test_what_the_user_can_fix_is_said(
    arguments: tuple[str, ...], message: str, cli: Cli, tmp_path: Path
) -> None:
    code, _, err = cli("simulate", *arguments, "--output", "o")
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert written(tmp_path) == set()


def test_training_takes_a_model_by_name(cli: Cli, tmp_path: Path) -> None:
    chosen = ("data=simulated", "data.model=dyn-LI", "data.n_cells=60", "data.dropout=0.2")
    code, out, err = cli("train", *chosen, "logger=none", "hydra.run.dir=run", *FAST)
    assert code == 0, err
    assert "random" in out
    assert len(pd.read_csv(tmp_path / "run" / "edges.tsv", sep="\t")) == 7 * 6
