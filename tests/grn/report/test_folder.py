from pathlib import Path

import pandas as pd
import pytest

from grn import InputError
from grn.report.folder import read_run
from tests.toy_runs import toy_edges, write_run


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    edges = toy_edges(20)
    folder = write_run(tmp_path / "mine", edges)
    run = read_run(folder)
    pd.testing.assert_frame_equal(run.edges, edges)
    assert run.by_group is None
    assert run.record["data"] == "blood"
    assert "seed: 3" in run.config
    assert run.name == "mine"
    edges.assign(group="T").to_csv(folder / "edges_by_group.tsv", sep="\t", index=False)
    (folder / "config.yaml").unlink()
    run = read_run(folder)
    assert run.by_group is not None
    assert set(run.by_group["group"]) == {"T"}
    assert run.config == ""


@pytest.mark.parametrize("name", ["edges.tsv", "metrics.json"])
def test_an_unfinished_run_is_refused(tmp_path: Path, name: str) -> None:
    folder = write_run(tmp_path, toy_edges(5))
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"holds no {name}"):
        read_run(folder)


def test_files_of_other_programs_are_refused(tmp_path: Path) -> None:
    folder = write_run(tmp_path, toy_edges(5))
    (folder / "metrics.json").write_text("[1]")
    with pytest.raises(InputError, match="holds a list"):
        read_run(folder)
    (folder / "metrics.json").write_text("{")
    with pytest.raises(InputError, match="is no JSON"):
        read_run(folder)
    toy_edges(5).drop(columns="importance").to_csv(folder / "edges.tsv", sep="\t", index=False)
    with pytest.raises(InputError, match="no column importance"):
        read_run(folder)
