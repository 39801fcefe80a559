import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from grn.cli.hydra_job import run_with_hydra

ROOT = Path(__file__).resolve().parents[3]


def test_nothing_of_the_current_folder_runs_unless_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "hydra_plugins").mkdir()
    for name in ("hydra_plugins/evil", "optuna", "decoupler"):
        (tmp_path / f"{name}.py").write_text("print('evil')\n")
    program = "import sys; from grn.cli import main; sys.exit(main(sys.argv[1:]))"
    said = subprocess.run(
        [sys.executable, "-Pc", program, "train", "--cfg", "job"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'kernels'}"},
    )  # fmt: skip
    assert "optimizer:" in said.stdout
    assert "evil" not in said.stdout + said.stderr


@pytest.mark.parametrize("error", [ValueError, FileNotFoundError])
def test_a_bug_in_a_job_of_another_process_is_not_put_down_to_the_settings(
    error: type[Exception], tmp_path: Path
) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")

    def job(_: Any) -> NoReturn:
        msg = "inner"
        raise error(msg)

    asked = ["-m", "seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    with pytest.raises(error, match="inner") as raised:
        # The whole path: processes of an earlier test may serve, which stand in another folder.
        run_with_hydra("train", [*asked, f"hydra.sweep.dir={tmp_path}/s"], job)
    assert type(raised.value) is error


def test_a_wrong_setting_of_one_job_is_explained(cli: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = cli("train", "-m", "seed=0,1", "optimizer.lrr=1,2", "hydra.sweep.dir=s")
    assert code == 2
    assert "grn: there is no setting optimizer.lrr" in err
