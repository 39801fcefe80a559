import json
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.errors import InputError
from grn.runs.run import run
from grn.training.checkpoint import read_checkpoint
from grn.training.objectives import Denoising
from tests.helpers import fast_config, file_config

SUPERVISED = ("objective=supervised", "split=both_seen")


def test_a_supervised_run_says_what_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "run"
    with caplog.at_level("WARNING", logger="grn"):
        result = run(fast_config(folder, *SUPERVISED))
    assert "SUPERVISED: known edges train this network" in caplog.text
    assert result.metrics is not None
    assert result.metrics.index.tolist() == ["edges", "untrained", "degree", "walk"]
    record = json.loads((folder / "metrics.json").read_text())
    assert record["regime"] == "supervised"
    assert record["belief"]["dominance"] > 0
    n_test = record["split"]["test"]["n_pairs"]
    assert record["evaluation"]["n_candidates"] == n_test
    edges = pd.read_csv(folder / "edges.tsv", sep="\t")
    assert (edges["part"] == "test").sum() == n_test
    assert edges["known"].sum() == record["split"]["training"]["n_positives"]
    assert set(edges.loc[edges["known"] == 1, "part"]) == {"training"}
    assert np.all(np.diff(edges["importance"]) <= 0)
    cells = anndata.read_h5ad(folder / "network.h5ad")
    assert cells.varp["grn"].nnz
    for end in ("source", "target"):
        counts = cells.var["n_cells"].loc[edges[end]].to_numpy()
        np.testing.assert_array_equal(edges[f"n_cells_{end}"], counts)
    with pytest.raises(InputError, match="supervised run"):
        read_checkpoint(folder / "checkpoints/best.ckpt")


def test_genelinks_split_takes_the_genes_of_the_cells(tmp_path: Path) -> None:
    run(fast_config(tmp_path / "run", "objective=supervised", "split=genelink"))
    record = json.loads((tmp_path / "run/metrics.json").read_text())
    assert record["split"]["training"]["density"] == pytest.approx(0.5)


@pytest.mark.parametrize("settings", [["objective=supervised"], ["split=unseen_tf"]])
def test_objective_and_split_go_together(tmp_path: Path, settings: list[str]) -> None:
    with pytest.raises(InputError, match="expected objective=supervised together with split"):
        run(fast_config(tmp_path / "run", *settings))
    assert not (tmp_path / "run").exists()


class OfAUser(Denoising):
    needs_split = True


def test_an_objective_of_a_user_says_itself_whether_known_edges_train(tmp_path: Path) -> None:
    own = f"objective._target_={__name__}.OfAUser"
    with pytest.raises(InputError, match=f"got objective={__name__}.OfAUser and split=null"):
        run(fast_config(tmp_path / "run", own))


def test_without_a_truth_there_is_nothing_to_train_on(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    with pytest.raises(InputError, match=r"data\.truth"):
        run(file_config(tmp_path / "run", files, *SUPERVISED))
