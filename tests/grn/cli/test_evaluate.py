import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests.helpers import refuses

if TYPE_CHECKING:
    from anndata import AnnData

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def held_out(tmp_path: Path) -> Path:
    """Cells of the network of `small` that no run has seen."""
    from grn.simulation.random_network import simulate

    cells = simulate(n_tfs=4, n_targets=12, n_cells=130, seed=0)[70:].copy()
    cells.obs["state"] = ["a", "b"] * 30
    del cells.uns["truth"]
    cells.write_h5ad(tmp_path / "held_out.h5ad")
    return tmp_path / "held_out.h5ad"


def rows(path: Path, table: str) -> pd.DataFrame:
    return pd.DataFrame(json.loads(path.read_text())[table])


def test_a_run_is_judged_on_cells_that_it_has_not_seen(
    infer: Cli, cli: Cli, held_out: Path, tmp_path: Path
) -> None:
    assert infer()[0] == 0
    code, out, err = cli("evaluate", "out", "--cells", held_out, "--k", 2, "--json", "m.json")
    assert code == 0, err
    assert "top 2 regulators, fitted on the run's cells" in out
    assert "have names of cells" not in err
    table = rows(tmp_path / "m.json", "predictability")
    r2 = table[table["metric"] == "r2"].set_index("method")
    assert r2.index.tolist() == ["network", "most correlated", "random"]
    assert r2["spread"].notna().to_dict() == {
        "network": False, "most correlated": False, "random": True,
    }  # fmt: skip
    assert f"{r2.loc['network', 'value']:.3f}" in out
    assert set(table["n_targets"]) == {16}
    assert set(json.loads((tmp_path / "m.json").read_text())) == {"predictability"}


def test_cells_that_were_used_are_said(
    infer: Cli, cli: Cli, files: dict[str, Path], tmp_path: Path
) -> None:
    assert infer()[0] == 0
    code, _, err = cli("evaluate", "out", "--cells", files["cells"], "--k", 2)
    assert code == 0
    assert "warning: 60 of 60 held-out cells have names of cells that the network was found" in err


def test_an_edge_list_is_judged_within_the_cells_and_by_the_truth_too(
    infer: Cli, cli: Cli, held_out: Path, files: dict[str, Path], tmp_path: Path
) -> None:
    assert infer()[0] == 0
    arguments = ("--cells", held_out, "--truth", files["truth"], "--k", 2, "--json", "m.json")
    code, out, err = cli("evaluate", "out/edges.tsv", *arguments)
    assert code == 0, err
    assert "fitted on other parts of these cells" in out
    assert "candidate pairs" in out
    found = json.loads((tmp_path / "m.json").read_text())
    assert {"auprc", "controls", "predictability"} <= set(found)
    assert rows(tmp_path / "m.json", "predictability")["spread"].notna().all()
    # The controls of a run see its own cells, whatever others are given.
    controls = []
    for cells in ([], ["--cells", held_out]):
        judged = ("out", "--truth", files["truth"], "--k", 2, "--json", "m.json", *cells)
        assert cli("evaluate", *judged)[0] == 0
        controls.append(json.loads((tmp_path / "m.json").read_text())["controls"])
    assert controls[0] == controls[1] != found["controls"]
    assert "pearson" in controls[0]


def test_a_prior_is_judged_beside_the_list_it_guided(
    infer: Cli, cli: Cli, files: dict[str, Path], tmp_path: Path
) -> None:
    truth = pd.read_csv(files["truth"])
    truth.head(len(truth) // 2).to_csv(tmp_path / "half.csv", index=False)
    assert infer("--prior", "half.csv")[0] == 0
    edges = pd.read_csv(tmp_path / "out/edges.tsv", sep="\t").head(len(truth) // 2)
    known = truth.head(len(truth) // 2).set_index(["source", "target"])["sign"]
    signs = edges.set_index(["source", "target"])["weight"].apply(
        lambda weight: 2 * (weight > 0) - 1
    )
    assert signs.sort_index().to_dict() == known.sort_index().to_dict()

    judged = ("--truth", files["truth"], "--json", "m.json")
    found = []
    for listed in (("out",), ("out/edges.tsv", "--prior", "half.csv"), ("out/edges.tsv",)):
        code, _, err = cli("evaluate", *listed, *judged)
        assert code == 0, err
        found.append(json.loads((tmp_path / "m.json").read_text())["controls"].get("prior"))
        n_half = len(truth) // 2
        warned = f"the prior holds {n_half} of the {len(truth)} edges of the truth" in err
        assert warned is (found[-1] is not None)
    assert found[0] == found[1]
    assert found[2] is None
    # True edges that the prior does not list have no sign there.
    assert found[0]["sign_accuracy"] == pytest.approx(n_half / len(truth))
    (tmp_path / "half.csv").unlink()
    code, _, err = cli("evaluate", "out", *judged)
    assert code == 0
    assert "the prior of the run is not judged" in err
    refuses(cli("evaluate", "out", *judged, "--prior", "half.csv"), "no prior at half.csv")

    # The same edges under other names, which the run was told of.
    half = truth.head(len(truth) // 2)
    genes = pd.unique(truth[["source", "target"]].to_numpy().ravel())
    old = {name: "old " + half[name] for name in ("source", "target")}
    half.assign(**old).to_csv(tmp_path / "old.csv", index=False)
    names = pd.DataFrame({"alias": "old " + genes, "name": genes})
    names.to_csv(tmp_path / "names.csv", index=False)
    arguments = ("--prior", "old.csv", "--aliases", "names.csv", "--overwrite")
    assert infer(*arguments)[0] == 0
    code, _, err = cli("evaluate", "out", *judged)
    assert code == 0, err
    assert json.loads((tmp_path / "m.json").read_text())["controls"]["prior"] == found[0]


def test_halves_where_asked_for(
    infer: Cli, cli: Cli, held_out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grn.inference.halves._SPLITS", 2)
    assert infer()[0] == 0
    arguments = ("--cells", held_out, "--k", 2, "--halves", "--json", "m.json")
    code, out, err = cli("evaluate", "out", *arguments)
    assert code == 0, err
    table = rows(tmp_path / "m.json", "halves")
    assert set(table["metric"]) == {"jaccard", "spearman"}
    assert "Networks of two halves of 60 cells: their top 6 edges" in out


def test_groups_are_judged_one_by_one(
    infer: Cli, cli: Cli, held_out: Path, small: "AnnData", tmp_path: Path
) -> None:
    assert infer()[0] == 0
    edges = pd.read_csv(tmp_path / "out/edges.tsv", sep="\t")
    by_group = pd.concat([edges.assign(group=name) for name in ("a", "b")])
    by_group.to_csv(tmp_path / "by_group.tsv", sep="\t", index=False)
    arguments = ("--cells", held_out, "--k", 2, "--groupby", "state", "--json", "m.json")
    code, out, err = cli("evaluate", "by_group.tsv", *arguments)
    assert code == 0, err
    table = rows(tmp_path / "m.json", "predictability")
    assert table.groupby("group")["value"].first().nunique() == 2
    assert "group" in out
    refuses(cli("evaluate", "out", *arguments), "no edges_by_group.tsv", "--groupby")


def test_what_cannot_be_judged_is_refused(cli: Cli, tmp_path: Path) -> None:
    refuses(cli("evaluate", "edges.tsv"), "nothing to judge", "--truth", "--cells")
    refuses(cli("evaluate", "edges.tsv", "--truth", "t", "--halves"), "--halves", "--cells")
    refuses(cli("evaluate", "edges.tsv", "--truth", "t", "--groupby", "a"), "--groupby")
    refuses(cli("evaluate", "edges.tsv", "--cells", "c", "--prior", "p"), "--prior", "--truth")
    refuses(cli("evaluate", "edges.tsv", "--cells", "c", "--k", 0), "--k is 0", "at least 1")
    refuses(cli("evaluate", tmp_path, "--cells", "c.h5ad"), "no folder of a finished run")
