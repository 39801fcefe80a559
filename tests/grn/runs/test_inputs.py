import json
from pathlib import Path
from typing import TYPE_CHECKING

import anndata
import numpy as np
import pytest

from grn.data.preprocessing.perturbed_obs import PERTURBATION
from grn.errors import InputError
from grn.runs.inputs import read_inputs
from grn.runs.run import run
from tests.helpers import file_config, write_inputs

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.interventions import Interventions


@pytest.fixture
def screen_files(screen: "AnnData", tmp_path: Path) -> dict[str, Path]:
    return write_inputs(screen, tmp_path / "screen")


def test_perturbations_follow_their_cells(
    screen: "AnnData", screen_files: dict[str, Path], tmp_path: Path
) -> None:
    least = int(np.median(np.asarray(screen.X.sum(axis=1)).ravel()))
    config = file_config(
        tmp_path, screen_files, "data.perturbations=guide", f"preprocess.min_counts={least}"
    )
    inputs = read_inputs(config)
    assert 20 < inputs.adata.n_obs < 60
    found = inputs.cells.interventions(range(inputs.adata.n_obs))
    assert found is not None
    place = {"NT_1": 0, "TF01_1": 1, "sgTF01-2": 1, "TF02+TF01": 2, "ABSENT": -1}
    expected = [place[label] for label in inputs.adata.obs["guide"]]
    assert found.group.tolist() == expected
    plain = read_inputs(file_config(tmp_path, screen_files))
    assert plain.cells.interventions(range(60)) is None


def test_a_choice_of_variable_genes_keeps_the_perturbed_ones(
    screen: "AnnData", tmp_path: Path
) -> None:
    few = "preprocess.n_top_genes=5"
    plain = read_inputs(file_config(tmp_path, write_inputs(screen, tmp_path / "plain"), few))
    left_out = next(gene for gene in screen.var_names if gene not in plain.adata.var_names)
    screen.obs["guide"] = np.where(np.arange(60) % 3 == 0, left_out, "NT")
    files = write_inputs(screen, tmp_path / "screen")
    adata = read_inputs(file_config(tmp_path, files, few, "data.perturbations=guide")).adata
    assert set(adata.var_names) == {*plain.adata.var_names, left_out}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.perturbations=guides"], "obs has no such column"),
        (["data.perturbation_kind=knock-out"], "without --perturbations"),
        (["data.perturbations=guide", "data.perturbation_kind=KO"], "expected knock-out"),
    ],
)
def test_labels_that_cannot_be_used_leave_nothing_behind(
    screen_files: dict[str, Path], tmp_path: Path, overrides: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run(file_config(tmp_path / "run", screen_files, *overrides))
    assert not (tmp_path / "run").exists()


def test_the_run_folder_says_what_was_understood(
    screen_files: dict[str, Path], tmp_path: Path, told: "list[Interventions | None]"
) -> None:
    overrides = ("data.perturbations=guide", "data.perturbation_kind=knock-down")
    run(file_config(tmp_path / "run", screen_files, *overrides), train=True)
    assert len(told) == 2  # the network of the cells, and that of the training cells
    assert all(found is not None for found in told)
    said = json.loads((tmp_path / "run/metrics.json").read_text())["perturbations"]
    assert said == {
        "key": "guide",
        "kinds": {"knock-down": 48},
        "kinds_from": "given",
        "n_perturbed_genes": 2,
        "n_perturbed_cells": 36,
        "n_control_cells": 12,
        "n_other_cells": 12,
        "unmeasured_genes": ["ABSENT"],
        "removed_genes": [],
    }
    stored = anndata.read_h5ad(tmp_path / "run/network.h5ad")
    assert stored.uns["grn"]["perturbations"]["n_perturbed_cells"] == 36
    assert stored.obs[PERTURBATION].iloc[3] == "TF01+TF02 knock-down"
    run(file_config(tmp_path / "plain", screen_files), train=False)
    assert json.loads((tmp_path / "plain/metrics.json").read_text())["perturbations"] is None


def test_a_checkpoint_of_other_labels_is_one_of_other_cells(
    screen_files: dict[str, Path], tmp_path: Path, told: "list[Interventions | None]"
) -> None:
    run(file_config(tmp_path / "first", screen_files), train=False)
    network = tmp_path / "first/checkpoints/network.ckpt"
    run(file_config(tmp_path / "same", screen_files), network, train=False)
    assert told == [None]
    labelled = file_config(tmp_path / "other", screen_files, "data.perturbations=guide")
    run(labelled, network, train=False)
    assert len(told) == 2
