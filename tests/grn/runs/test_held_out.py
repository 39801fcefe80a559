import logging
from pathlib import Path
from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pytest

from grn.errors import InputError
from grn.runs.held_out import FinishedRun, open_run, read_held_out
from grn.runs.run import run
from tests.helpers import file_config, write_inputs

if TYPE_CHECKING:
    from anndata import AnnData


@pytest.fixture
def halves(small: "AnnData") -> tuple["AnnData", "AnnData"]:
    """The first 35 cells, of which networks are found, and the others."""
    return small[:35].copy(), small[35:].copy()


def finished(cells: "AnnData", folder: Path, *overrides: str) -> FinishedRun:
    files = write_inputs(cells, folder / "in")
    run(file_config(folder / "run", files, *overrides), train=False)
    return open_run(folder / "run")


def written(cells: "AnnData", path: Path) -> Path:
    plain = cells.copy()
    del plain.uns["truth"]
    plain.write_h5ad(path)
    return path


def test_held_out_cells_become_what_they_were_with_the_run(
    small: "AnnData", halves: tuple["AnnData", "AnnData"], tmp_path: Path
) -> None:
    import scanpy as sc

    steps = ("preprocess.target_sum=500", "preprocess.n_top_genes=6", "preprocess.min_genes=2")
    found = finished(halves[0], tmp_path, *steps)
    assert found.own_cells is found.cells
    assert found.kind == "counts"
    assert found.cells.n_vars < small.n_vars
    held_out = read_held_out(written(halves[1], tmp_path / "rest.h5ad"), found)
    expected = halves[1].copy()
    sc.pp.normalize_total(expected, target_sum=500)
    sc.pp.log1p(expected)
    assert held_out.n_obs == 25
    np.testing.assert_allclose(
        held_out.X.toarray(), expected[:, held_out.var_names].X.toarray(), rtol=1e-5
    )
    assert set(found.cells.var_names) <= set(held_out.var_names)


def test_layer_and_states_are_those_of_the_run(
    halves: tuple["AnnData", "AnnData"], tmp_path: Path
) -> None:
    for cells in halves:
        cells.obs["state"] = ["a", "a", "a", "a", "b"] * (cells.n_obs // 5)
        cells.layers["counts"] = cells.X.copy()
        cells.X = np.ones(cells.shape, np.float32)
    asked = ("data.layer=counts", "preprocess.state_key=state", "preprocess.states=[a]")
    found = finished(halves[0], tmp_path, *asked)
    rest = written(halves[1], tmp_path / "rest.h5ad")
    held_out = read_held_out(rest, found)
    assert set(held_out.obs["state"]) == {"a"}
    assert held_out.X.max() > 1
    bare = ad.read_h5ad(rest)
    del bare.layers["counts"]
    bare.write_h5ad(rest)
    with pytest.raises(InputError, match="counts"):
        read_held_out(rest, found)


def test_cells_that_the_run_has_seen_and_other_values_are_said(
    small: "AnnData",
    halves: tuple["AnnData", "AnnData"],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = finished(halves[0], tmp_path)
    path = tmp_path / "rest.h5ad"
    with caplog.at_level(logging.WARNING, "grn.runs.held_out"):
        read_held_out(written(halves[1], path), found)
        assert "grn.runs.held_out" not in {record.name for record in caplog.records}
        read_held_out(written(small[20:], path), found)
        assert "15 of 40 held-out cells have names of cells that the network" in caplog.text
        log = halves[1].copy()
        log.X = log.X.log1p()
        read_held_out(written(log, path), found)
    assert "are logarithms, and those of the run were counts" in caplog.text


def test_without_a_run_the_defaults_count(small: "AnnData", tmp_path: Path) -> None:
    from grn.data.preprocessing.preprocess import preprocess

    found = read_held_out(written(small, tmp_path / "cells.h5ad"))
    np.testing.assert_array_equal(found.X.toarray(), preprocess(small).X.toarray())


def test_a_folder_that_is_no_run_is_refused(
    halves: tuple["AnnData", "AnnData"], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"lacks edges.tsv, config.yaml, network.h5ad"):
        open_run(tmp_path)
    found = finished(halves[0], tmp_path)
    with pytest.raises(InputError, match=r"no edges_by_group.tsv"):
        _ = found.by_group
    (found.folder / "config.yaml").write_text("a: [")
    with pytest.raises(InputError, match="cannot be read"):
        open_run(found.folder)


def test_cells_that_stayed_on_disk_have_names_and_no_expression(
    halves: tuple["AnnData", "AnnData"], tmp_path: Path
) -> None:
    found = finished(halves[0], tmp_path, "data.on_disk=true")
    assert found.own_cells is None
    assert found.cells.n_obs == 35
