"""The simulator: its kinetics against closed solutions, its data against what cells look like."""

import numpy as np
import pytest
import scipy.sparse as sp

from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from grn.simulation import random_network as module
from grn.simulation.random_network import simulate


def hill(amount: float, threshold: float, exponent: float) -> float:
    return amount**exponent / (amount**exponent + threshold**exponent)


@pytest.fixture(scope="module")
def network() -> module.Network:
    """TF 0 activates gene 2, TF 1 represses it; gene 3 has no regulator."""
    return module.Network(
        regulator=np.array([0, 1]),
        target=np.array([2, 2]),
        sign=np.array([1, -1]),
        threshold=np.array([10.0, 20.0]),
        cooperativity=np.array([2.0, 3.0]),
        typical_mrna=np.array([5.0, 6.0, 7.0, 8.0]),
        full_rate=np.array([5.0, 6.0, 70.0, 8.0]),
    )


def test_regulation_by_hand(network: module.Network) -> None:
    share = np.exp(network.log_regulation(np.array([[15.0, 8.0], [0.0, 1e9]])))
    leak = module._LEAK
    active = leak + (1 - leak) * hill(15, 10, 2)
    free = leak + (1 - leak) * (1 - hill(8, 20, 3))
    np.testing.assert_allclose(share[0], [1, 1, active * free, 1])
    np.testing.assert_allclose(share[1], [1, 1, leak * leak, 1], rtol=1e-6)


def test_more_activator_means_more_and_more_repressor_less(network: module.Network) -> None:
    amounts = np.linspace(0.0, 80.0, 30)
    other = np.full_like(amounts, 12.0)
    by_activator = network.log_regulation(np.column_stack([amounts, other]))[:, 2]
    by_repressor = network.log_regulation(np.column_stack([other, amounts]))[:, 2]
    assert (np.diff(by_activator) > 0).all()
    assert (np.diff(by_repressor) < 0).all()


def test_langevin_reaches_the_poisson_stationary_state() -> None:
    """Birth at rate b and death at rate 1 per molecule: mean b and variance b."""
    rng = np.random.default_rng(0)
    amount = np.full((4000, 1), 20.0)
    for _ in range(150):
        amount = module._langevin(rng, amount, np.full_like(amount, 50.0), amount)
    assert amount.mean() == pytest.approx(50.0, rel=0.02)
    # Euler–Maruyama with step h has variance b / (1 − h / 2).
    assert amount.var() == pytest.approx(50.0 / (1 - module._TIME_STEP / 2), rel=0.1)


def test_fluctuation_is_stationary_with_its_memory() -> None:
    rng = np.random.default_rng(1)
    start = rng.normal(0.0, 0.7, 20_000)
    end = start
    for _ in range(10):
        end = module._fluctuate(rng, end, 0.7, 2.0)
    assert end.std() == pytest.approx(0.7, rel=0.03)
    expected = np.exp(-10 * module._TIME_STEP / 2.0)
    assert np.corrcoef(start, end)[0, 1] == pytest.approx(expected, abs=0.03)


def test_typical_amounts_are_a_fixed_point_of_the_network() -> None:
    drawn = module.draw_network(np.random.default_rng(5), 12, 88, 0.4)
    protein = module.typical_protein(drawn.typical_mrna[None, :12])
    made = drawn.full_rate * np.exp(drawn.log_regulation(protein))[0]
    np.testing.assert_allclose(made, drawn.typical_mrna)


def test_network_has_the_stated_shape() -> None:
    n_tfs, n_targets = 12, 600
    drawn = module.draw_network(np.random.default_rng(2), n_tfs, n_targets, 0.4)
    pairs = set(zip(drawn.regulator.tolist(), drawn.target.tolist(), strict=True))
    assert len(pairs) == drawn.regulator.size
    assert not any(source == target for source, target in pairs)
    in_degree = np.bincount(drawn.target, minlength=n_tfs + n_targets)
    assert set(in_degree[n_tfs:]) == {1, 2, 3, 4}
    assert set(in_degree[:n_tfs]) <= {0, 1, 2}
    assert in_degree[:n_tfs].sum() > 0
    out_degree = np.bincount(drawn.regulator, minlength=n_tfs)
    assert out_degree.max() > 3 * np.median(out_degree) / 2
    assert np.mean(drawn.sign < 0) == pytest.approx(0.4, abs=0.05)


def test_out_degrees_are_scale_free() -> None:
    drawn = module.draw_network(np.random.default_rng(3), 200, 2500, 0.4)
    degree = np.sort(np.bincount(drawn.regulator, minlength=200))[::-1]
    rank = np.arange(1, 201)
    # Degree ∝ rank^−0.7; noise flattens the tail, so the upper half is fitted.
    slope = np.polyfit(np.log(rank[:100]), np.log(degree[:100]), 1)[0]
    assert slope == pytest.approx(-0.7, abs=0.04)
    # The same law as a distribution, P(k) ∝ k^−γ with γ = 1 + 1/0.7, by its maximum likelihood.
    top = degree[:60]
    gamma = 1 + 1 / np.log(top / top[-1]).mean()
    assert gamma == pytest.approx(1 + 1 / 0.7, abs=0.35)


def test_transcription_is_multiplied() -> None:
    sizes = {"n_tfs": 4, "n_targets": 6, "n_cells": 50, "seed": 1, "dropout": 0.0}
    whole = simulate(**sizes)
    ones = np.ones((50, 10))
    assert (simulate(**sizes, transcription=ones).X != whole.X).nnz == 0
    ones[:, 7] = 0.0
    without = simulate(**sizes, transcription=ones).X.toarray()
    assert without[:, 7].sum() == 0
    # The target regulates nothing, so nothing else changes but the noise of counting.
    assert without[:, :7].sum() == pytest.approx(whole.X.toarray()[:, :7].sum(), rel=0.05)


def test_counts_and_labels() -> None:
    adata = simulate(n_tfs=5, n_targets=13, n_cells=37, seed=4)
    assert adata.shape == (37, 18)
    assert sp.issparse(adata.X)
    assert adata.X.dtype == np.float32
    values = adata.X.toarray()
    assert (values >= 0).all()
    assert (values == np.rint(values)).all()
    assert adata.var["is_tf"].tolist() == [True] * 5 + [False] * 13
    assert adata.obs["time"].between(0, module._DURATION).all()
    assert adata.uns["organism"] == "simulated"
    truth = adata.uns["truth"]
    assert list(truth.columns) == ["source", "target", "sign"]
    assert set(truth["sign"]) <= {-1, 1}
    assert set(truth["source"]) <= set(adata.var_names[:5])
    assert set(adata.var_names[5:]) <= set(truth["target"])
    assert not (truth["source"] == truth["target"]).any()


def test_seed_decides_everything() -> None:
    sizes = {"n_tfs": 4, "n_targets": 6, "n_cells": 30}
    first, again, other = (simulate(**sizes, seed=seed) for seed in (1, 1, 2))
    assert (first.X != again.X).nnz == 0
    assert first.uns["truth"].equals(again.uns["truth"])
    assert first.obs.equals(again.obs)
    assert (first.X != other.X).nnz > 0


def test_depth_and_dropout_cost_counts() -> None:
    sizes = {"n_tfs": 4, "n_targets": 20, "n_cells": 200, "seed": 0}
    full, shallow = simulate(**sizes), simulate(**sizes, depth=0.02)
    lossy, lossless = simulate(**sizes, dropout=0.5), simulate(**sizes, dropout=0.0)
    assert shallow.X.sum() < 0.5 * full.X.sum()
    assert lossy.X.nnz < full.X.nnz < lossless.X.nnz
    assert (simulate(**sizes, repressor_share=1.0).uns["truth"]["sign"] == -1).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_default_cells_are_realistic_and_hold_the_network(seed: int) -> None:
    adata = simulate(seed=seed)
    zeros = 1 - adata.X.nnz / np.prod(adata.shape)
    assert 0.4 < zeros < 0.7
    totals = np.asarray(adata.X.sum(axis=1)).ravel()
    assert totals.std() / totals.mean() > 0.25
    cells = preprocess(adata)
    correlation = np.corrcoef(cells.X.toarray().T)
    truth = adata.uns["truth"]
    source = cells.var_names.get_indexer(truth["source"])
    target = cells.var_names.get_indexer(truth["target"])
    along = correlation[source, target]
    assert np.mean(np.sign(along) == truth["sign"]) > 0.85
    linked = np.eye(cells.n_vars, dtype=bool)
    linked[source, target] = linked[target, source] = True
    others = np.abs(correlation[:12][~linked[:12]])
    assert np.abs(along).mean() > 1.5 * others.mean()
    # Confounded: without any edge, correlations are well above those of independent genes.
    assert others.mean() > 2 * np.sqrt(2 / np.pi / cells.n_obs)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"n_tfs": 2}, "at least 3 TFs"),
        ({"n_targets": 0}, "1 target"),
        ({"n_cells": 0}, "1 cell"),
        ({"repressor_share": 1.2}, "repressor_share=1.2 is not a probability"),
        ({"dropout": -0.1}, "dropout=-0.1 is not a probability"),
        ({"depth": 0.0}, "depth=0.0 is no share"),
    ],
)
def test_impossible_settings(setting: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate(**setting)


def test_tfs_have_as_many_regulators_as_asked() -> None:
    denser = module.Variation(tf_in_degree=(0.0, 0.0, 0.0, 1.0))
    drawn = module.draw_network(np.random.default_rng(0), 20, 30, 0.4, denser)
    assert (np.bincount(drawn.target)[:20] == 3).all()
    assert not (drawn.regulator == drawn.target).any()


def test_without_lineages_or_programmes_cells_differ_less() -> None:
    calm = module.Variation(activity_sd=0.1, program_sd=0.0, lineage_sd=0.0, n_lineages=1)
    spread = [
        np.log1p(simulate(n_cells=150, depth=0.5, dropout=0.0, variation=variation).X.toarray())
        for variation in (calm, module.Variation())
    ]
    assert spread[0].std(axis=0).mean() < 0.8 * spread[1].std(axis=0).mean()
