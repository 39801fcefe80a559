"""The simulated cells: sparse counts with a few programmes, the same for the same seed."""

import importlib
from pathlib import Path
from types import ModuleType

import anndata
import numpy as np
import pytest
from scipy import sparse


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with blocks of 41 cells of 23 genes."""
    script = importlib.import_module("simulated_cells")
    monkeypatch.setattr(script, "_VALUES_PER_BLOCK", 41 * 23 + 1)
    return script


def test_cells_are_sparse_counts_with_a_few_programmes(script: ModuleType, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        script.write_cells(tmp_path / f"{name}.h5ad", 211, 23, seed)
    a, b, c = (anndata.read_h5ad(tmp_path / f"{name}.h5ad") for name in "abc")
    assert a.shape == (211, 23)
    assert a.var_names.tolist() == script.gene_names(23)
    assert a.obs_names.is_unique
    assert sparse.issparse(a.X)
    assert a.X.format == "csr"
    counts = a.X.toarray()
    np.testing.assert_array_equal(counts, np.rint(counts))
    assert 0.05 < (counts > 0).mean() < 0.2
    np.testing.assert_array_equal(counts, b.X.toarray())
    assert (counts != c.X.toarray()).any()
    assert (counts[np.arange(23), np.arange(23)] > 0).all()
    # Every block has cells of its own: none is empty, none a copy of another.
    blocks = [counts[start : start + 41] for start in range(0, 205, 41)]
    assert len({block.tobytes() for block in blocks}) == 5


def test_genes_of_few_cells_all_vary(script: ModuleType, tmp_path: Path) -> None:
    script.write_cells(tmp_path / "cells.h5ad", 31, 97)
    counts = anndata.read_h5ad(tmp_path / "cells.h5ad").X.toarray()
    assert (counts.max(axis=0) > counts.min(axis=0)).all()


def test_sparser_cells_have_a_twentieth_of_the_values(script: ModuleType, tmp_path: Path) -> None:
    script.write_cells(tmp_path / "cells.h5ad", 400, 300, most=script.SPARSE)
    cells = anndata.read_h5ad(tmp_path / "cells.h5ad")
    assert 0.04 < cells.X.nnz / (400 * 300) < 0.06


@pytest.mark.parametrize("rate", [0.05, 1.0, 4.0])
def test_counts_are_those_of_poisson(script: ModuleType, rate: float) -> None:
    rates = np.full((300, 400), rate, np.float32)
    counts = script._poisson(rates, np.random.default_rng(0)).toarray()
    within = pytest.approx(rate, rel=4 / (300 * 400 * rate) ** 0.5)
    assert counts.mean() == within
    assert counts.var() == pytest.approx(rate, rel=0.05)
    assert (counts == 0).mean() == pytest.approx(np.exp(-rate), abs=0.01)
    assert (counts == 2).mean() == pytest.approx(np.exp(-rate) * rate**2 / 2, abs=0.01)
