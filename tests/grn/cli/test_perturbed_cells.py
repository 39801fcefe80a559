"""The command line on cells of a screen: labels of perturbations and what they may lack."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.helpers import refuses, write_inputs, written

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.interventions import Interventions

Cli = Callable[..., tuple[int, str, str]]


def test_what_is_understood_is_said_before_work_starts(
    infer: Cli,
    screen: "AnnData",
    tmp_path: Path,
    told: "list[Interventions | None]",
) -> None:
    screen.obs["guide"] = screen.obs["guide"].replace({"NT_1": "DMSO"})
    cells = write_inputs(screen, tmp_path / "screen")["cells"]
    labels = ("--perturbations", "guide", "--control", "DMSO")
    code, _, err = infer(*labels, "--perturbation-kind", "activation", cells=cells)
    assert code == 0, err
    lines = [line.split() for line in err.splitlines()]
    assert ["control", "12", "DMSO"] in lines
    assert ["TF01", "activation", "24", "yes", "TF01_1,", "sgTF01-2"] in lines
    assert ["ABSENT", "activation", "12", "no", "ABSENT"] in lines
    assert err.index("perturbation ") < err.index("after preprocessing")
    record = json.loads((tmp_path / "out/metrics.json").read_text())
    assert record["perturbations"]["kinds"] == {"activation": 48}
    (interventions,) = told
    assert interventions is not None
    assert interventions.dose.max() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--perturbations", "state"), "obs has no such column"),
        (("--perturbations", "lineage"), "not understood"),
        (("--control", "NT"), "without --perturbations"),
        (("--perturbations", "guide", "--control", "DMSO"), "no cell has this label"),
        (("--perturbations", "guide", "--permutations", 1), "confidence.permutations=0"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(
    infer: Cli, screen: "AnnData", tmp_path: Path, arguments: tuple[object, ...], message: str
) -> None:
    screen.obs["lineage"] = "12 h"
    cells = write_inputs(screen, tmp_path / "screen")["cells"]
    before = written(tmp_path)
    refuses(infer(*arguments, cells=cells), message)
    assert written(tmp_path) == before
