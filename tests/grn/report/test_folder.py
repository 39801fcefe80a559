from pathlib import Path

import pandas as pd
import pytest

from grn import InputError
from grn.report import write_report
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


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_tfs": "many"}, "n_tfs holds a str, not a number"),
        ({"evaluation": [1]}, "evaluation holds a list, not a mapping"),
        (
            {"evaluation": {"controls": {"random": {"auprc_ratio": "1"}}}},
            r"evaluation\.controls\.random\.auprc_ratio holds a str",
        ),
        ({"preprocessing": {"n_cells": {}}}, r"preprocessing\.n_cells holds a dict"),
    ],
)
def test_a_record_that_no_run_writes_is_refused(
    tmp_path: Path, changed: dict[str, object], message: str
) -> None:
    folder = write_run(tmp_path, toy_edges(5), **changed)
    with pytest.raises(InputError, match=message):
        read_run(folder)


def test_a_record_may_be_incomplete(tmp_path: Path) -> None:
    counts = {"n_cells": 3, "n_genes": None}
    record = {"preprocessing": counts, "n_tfs": None, "belief": None, "groups": {"a": {}}}
    folder = write_run(tmp_path, toy_edges(5), evaluation=None, **record)
    (folder / "config.yaml").write_bytes(b"seed: 3\xff")
    assert write_report(folder).is_file()


def test_a_record_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    folder = write_run(tmp_path, toy_edges(5))
    (folder / "metrics.json").write_text("[" * 10**5)
    with pytest.raises(InputError, match="is no JSON"):
        read_run(folder)


def test_a_weight_that_is_no_number_is_refused(tmp_path: Path) -> None:
    folder = write_run(tmp_path, toy_edges(5).assign(fdr=float("nan")))
    assert read_run(folder).edges["fdr"].isna().all()
    write_run(folder, toy_edges(5).assign(weight=["0.5", "0.2", "strong", "0.1", "0"]))
    with pytest.raises(InputError, match="'strong' in the column weight is no number"):
        read_run(folder)
