"""What earlier versions wrote is read or refused, and what other systems lack is not needed."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import anndata
import pandas as pd
import pytest
import torch

import grn
from grn.errors import InputError
from grn.training.checkpoint import FORMAT, read_checkpoint
from tests.helpers import FAST

Cli = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[1]
WRITTEN = sorted(path for path in (ROOT / "tests/fixtures").iterdir() if path.is_dir())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(params=WRITTEN, ids=[path.name for path in WRITTEN])
def earlier(request: pytest.FixtureRequest) -> Path:
    """What one version wrote: cells.h5ad, tfs.txt, and the folder of a run of them."""
    folder: Path = request.param
    return folder


def _edges(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "edges.tsv", sep="\t").set_index(["source", "target"]).sort_index()


def test_this_version_has_left_its_mark() -> None:
    from grn.version import VERSION

    assert VERSION.partition("+")[0] in {path.name for path in WRITTEN}
    assert all(sum(file.stat().st_size for file in path.rglob("*")) < 300_000 for path in WRITTEN)


def test_a_checkpoint_gives_the_same_network_of_the_same_cells(
    earlier: Path, cli: Cli, tmp_path: Path
) -> None:
    code, _, err = cli(
        *("infer", earlier / "cells.h5ad", "--tfs", earlier / "tfs.txt", "--output", "again"),
        *("--checkpoint", earlier / "run/checkpoints/best.ckpt", "--set", *FAST),
    )
    assert code == 0, err
    assert "belongs to other cells" not in err
    before, now = _edges(earlier / "run"), _edges(tmp_path / "again")
    pd.testing.assert_frame_equal(now[["weight", "importance"]], before[["weight", "importance"]])


def test_python_reads_a_checkpoint(earlier: Path) -> None:
    adata = anndata.read_h5ad(earlier / "cells.h5ad")
    model = grn.SphericalGRN.load(earlier / "run/checkpoints/best.ckpt", adata)
    before = _edges(earlier / "run")["weight"]
    now = model.edges().set_index(["source", "target"])["weight"]
    pd.testing.assert_series_equal(now.loc[before.index], before, rtol=1e-4, check_dtype=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "{run}", "--tf", "TF01"),
        ("export", "{run}", "--to", "r", "--output", "table"),
        ("knockout", "{run}", "TF01"),
        ("evaluate", "{run}", "--cells", "{cells}"),
        ("report", "{run}"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_commands_read_a_run_folder(
    earlier: Path, cli: Cli, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    run = shutil.copytree(earlier / "run", tmp_path / "run")
    cells = earlier / "cells.h5ad"
    code, _, err = cli(*(one.format(run=run, cells=cells) for one in arguments))
    assert code == 0, err


@pytest.mark.parametrize("written_as", [1, FORMAT + 1])
def test_a_checkpoint_of_another_format_is_refused_with_the_way_out(
    earlier: Path, tmp_path: Path, written_as: int
) -> None:
    file = earlier / "run/checkpoints/best.ckpt"
    content = torch.load(file, map_location="cpu", weights_only=True)
    torch.save({**content, "format": written_as}, tmp_path / "other.ckpt")
    earlier_one = written_as < FORMAT
    expected = "earlier version.*train again" if earlier_one else "later version.*pip install"
    with pytest.raises(InputError, match=expected):
        read_checkpoint(tmp_path / "other.ckpt")


def test_triton_is_asked_for_on_linux_alone() -> None:
    from packaging.requirements import Requirement

    asked = next(one for one in map(Requirement, PROJECT["dependencies"]) if one.name == "triton")
    assert asked.marker is not None
    for system, wanted in (("linux", True), ("darwin", False), ("win32", False)):
        assert asked.marker.evaluate({"sys_platform": system}) == wanted


def test_the_wheel_is_for_every_system() -> None:
    from hatchling.builders.wheel import WheelBuilder

    assert WheelBuilder(str(ROOT)).get_default_tag() == "py3-none-any"


def test_without_triton_a_network_is_found(files: dict[str, Path], tmp_path: Path) -> None:
    """As on macOS and Windows: `import triton` fails."""
    program = (
        "import sys; sys.modules['triton'] = None\n"
        "from grn.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    arguments = ["infer", files["cells"], "--tfs", files["tfs"], "--output", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments), "--set", *FAST],
        capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'kernels'}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(_edges(tmp_path / "out")) == 4 * 16 - 4
