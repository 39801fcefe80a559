import sys

import numpy as np
import pytest
import torch
from scipy import sparse

from grn.benchmark.peers.diffusion import regdiffusion
from grn.errors import InputError

TF_INDEX = np.array([0, 1, 8])


@pytest.fixture
def package():
    return pytest.importorskip("regdiffusion", reason="RegDiffusion is not installed")


def test_it_is_the_package_with_its_own_settings(package, regulated, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    before = torch.get_rng_state(), torch.get_float32_matmul_precision()
    weight, importance = regdiffusion(sparse.csr_matrix(regulated), TF_INDEX, seed=3, n_steps=30)
    assert weight is None
    assert (torch.get_rng_state() == before[0]).all()
    assert torch.get_float32_matmul_precision() == before[1]
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    trainer = package.RegDiffusionTrainer(regulated[:, :8], device="cpu", n_steps=30, seed=3)
    trainer.train()
    np.testing.assert_array_equal(importance[:2, :8], np.abs(trainer.get_adj())[:2])
    assert importance.max() > 0


def test_constant_genes_score_nothing_and_empty_cells_are_no_cells(package, regulated):
    levels = regulated.copy()
    levels[:, 8] = 0
    expected = regdiffusion(levels, TF_INDEX, n_steps=5).importance
    np.testing.assert_array_equal(expected[2], 0)
    np.testing.assert_array_equal(expected[:, 8], 0)
    with_empty = np.concatenate([levels, np.zeros((20, 9))])
    found = regdiffusion(with_empty, TF_INDEX, n_steps=5).importance
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(regdiffusion(levels[:, 7:], np.array([0]), n_steps=5)[1], 0)


def test_a_gene_that_is_the_lowest_of_every_cell_scores_nothing(package, regulated):
    levels = regulated[:, :8].copy()
    levels[:, 5] = regulated[:, 5] / 1000
    importance = regdiffusion(levels, np.arange(8), n_steps=5).importance
    np.testing.assert_array_equal(importance[5], 0)
    np.testing.assert_array_equal(importance[:, 5], 0)
    assert (importance[:5, :5][~np.eye(5, dtype=bool)] > 0).all()


def test_a_seed_decides_the_result(package, regulated):
    runs = [regdiffusion(regulated, TF_INDEX, seed=s, n_steps=20).importance for s in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()


def test_without_the_package_the_message_says_how_to_install_it(regulated, monkeypatch):
    monkeypatch.setitem(sys.modules, "regdiffusion", None)
    with pytest.raises(InputError, match="pip install regdiffusion"):
        regdiffusion(regulated, TF_INDEX)


@pytest.mark.slow
def test_the_linear_regulator_comes_first(package, regulated):
    importance = regdiffusion(regulated, np.arange(6)).importance
    assert importance[:, 6].argmax() == 0


@pytest.mark.slow
@pytest.mark.data
def test_mdc_agrees_with_published_ratios(package, mdc):
    scores = regdiffusion(mdc.expression, mdc.tf_index)
    assert mdc.ratio(scores, "STRING") == pytest.approx(1.66, abs=0.1)
    assert mdc.ratio(scores, "NonSpecific") == pytest.approx(1.76, abs=0.1)
