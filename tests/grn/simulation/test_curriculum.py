"""Samples to learn from: what all kinds keep to, and that the seed alone decides."""

from typing import Any

import numpy as np
import pytest

from grn.errors import InputError
from grn.simulation import curriculum as module
from grn.simulation import random_counts
from grn.simulation.curriculum import KINDS, Sample, draw_sample, draw_samples, without_edges
from grn.simulation.kinetics import Kinetics
from grn.simulation.models import BooleanModel


def equal(first: Sample, second: Sample) -> bool:
    return (
        first.kind == second.kind
        and np.array_equal(first.expression, second.expression)
        and np.array_equal(first.regulates, second.regulates)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_what_every_sample_keeps_to(kind: str) -> None:
    for sample in draw_samples(kind, 3, seed=0, n_jobs=1):
        n_cells, n_genes = sample.expression.shape
        n_tfs = len(sample.regulates)
        assert sample.kind == kind
        assert sample.expression.dtype == np.float32
        assert sample.regulates.dtype == np.int8
        assert sample.regulates.shape == (n_tfs, n_genes)
        assert n_tfs < n_genes if kind == "single_cell" else n_tfs == n_genes
        assert n_cells >= 50
        assert np.isfinite(sample.expression).all()
        assert (sample.expression >= 0).all()
        assert (sample.expression.max(axis=0) > sample.expression.min(axis=0)).all()
        assert set(np.unique(sample.regulates)) <= {-1, 0, 1}
        assert not np.diagonal(sample.regulates).any()
        assert np.count_nonzero(sample.regulates) >= 3


def test_samples_do_not_depend_on_the_processes() -> None:
    alone = draw_samples("bulk", 5, seed=7, n_jobs=1)
    beside = draw_samples("bulk", 5, seed=7, n_jobs=2)
    assert all(map(equal, alone, beside))
    assert all(map(equal, alone, draw_samples("bulk", 2, seed=7, n_jobs=1)))
    assert not equal(alone[0], alone[1])
    assert not equal(alone[0], draw_samples("bulk", 1, seed=8, n_jobs=1)[0])


def test_genes_that_never_vary_are_left_out() -> None:
    varying, constant = np.array([0.0, 1.0, 2.0]), np.array([0.1, 0.1, 0.1])
    # The deviation of the constant from its mean is above 0 by rounding.
    assert constant.std() > 0
    expression = np.stack([varying, constant, varying, varying, constant, varying], axis=1)
    regulates = np.array(
        [
            [1, 1, 0, -1, 1, 0],
            [1, 1, 1, 1, 1, 1],
            [0, -1, 1, 0, 0, -1],
            [1, 0, 0, -1, 0, 0],
        ],
        dtype=np.int8,
    )
    sample = module._as_sample("bulk", expression, regulates)
    assert sample is not None
    # TFs 0, 2, 3 and genes 0, 2, 3, 5 stay; the self-loops of all three are gone.
    np.testing.assert_array_equal(sample.regulates, [[0, 0, -1, 0], [0, 0, 0, -1], [1, 0, 0, 0]])
    assert sample.expression.shape == (3, 4)
    regulates[3, 0] = 0
    assert module._as_sample("bulk", expression, regulates) is None


def fixed(
    monkeypatch: pytest.MonkeyPatch, rules: dict[str, str], initial: dict[str, float]
) -> None:
    """Draw these rules whatever the generator."""
    model = BooleanModel("fixed", "", "", time=6.0, branches=1, initial=initial, rules=rules)
    signs = np.zeros((len(rules), len(rules)), dtype=np.int8)
    for target, rule in enumerate(rules.values()):
        signs[int(rule.strip("not ()")[1:]), target] = -1 if "not" in rule else 1
    monkeypatch.setattr(module, "draw_model", lambda *drawn: (model, signs))
    monkeypatch.setattr(module, "draw_kinetics", lambda *drawn: Kinetics())
    # The number of genes is drawn before the model.
    monkeypatch.setitem(
        module._DRAW, "boolean", lambda rng: module._draw_cells_of_rules(rng, len(rules), 0.0, 1.0)
    )


def test_columns_are_the_genes_of_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = {"g0": "(g0)", "g1": "(g0)", "g2": "not (g0)", "g3": "(g1)", "g4": "not (g2)"}
    fixed(monkeypatch, rules | {"g5": "(g3)"}, {"g0": 2.0})
    sample = draw_sample("boolean", np.random.default_rng(0))
    assert sample is not None
    mean = sample.expression.mean(axis=0)
    assert mean[2] < 0.1
    assert (mean[[0, 1, 3, 4, 5]] > 1.0).all()
    # From first to last in the cascade, expression begins later.
    assert mean[0] > mean[1] > mean[3] > mean[5]
    edges = {(0, 1): 1, (0, 2): -1, (1, 3): 1, (2, 4): -1, (3, 5): 1}
    found = zip(*np.nonzero(sample.regulates), strict=True)
    assert {(i, j): sample.regulates[i, j] for i, j in found} == edges


def test_frozen_networks_teach_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed(monkeypatch, {f"g{gene}": f"(g{gene - gene % 3})" for gene in range(9)}, {"g0": 2.0})
    assert draw_sample("boolean", np.random.default_rng(0)) is None


def test_frozen_networks_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([None, None, Sample("bulk", np.zeros((2, 2)), np.zeros((2, 2)))])
    monkeypatch.setattr(module, "draw_sample", lambda kind, rng: next(drawn))
    assert [sample.kind for sample in draw_samples("bulk", 1, seed=0, n_jobs=1)] == ["bulk"]


def test_single_cells_keep_their_truth_and_seeds_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[tuple[int, Any]] = []

    def recorded(**settings: Any) -> Any:
        adata = simulate(**settings)
        drawn.append((settings["seed"], adata))
        return adata

    simulate = random_counts.simulate
    monkeypatch.setattr(random_counts, "simulate", recorded)
    sample = draw_sample("single_cell", np.random.default_rng(0))
    assert sample is not None
    ((seed, adata),) = drawn
    assert seed >= 2**32  # never one that somebody types
    counts = adata.X.toarray()
    kept = adata.var_names[counts.max(axis=0) > 0]
    tfs = [gene for gene in kept if gene.startswith("TF")]
    source, target = np.nonzero(sample.regulates)
    found = {
        (tfs[i], kept[j], int(sample.regulates[i, j])) for i, j in zip(source, target, strict=True)
    }
    truth = adata.uns["truth"]
    truth = truth[truth["source"].isin(kept) & truth["target"].isin(kept)]
    assert found == set(truth.itertuples(index=False, name=None))
    share = counts[:, counts.max(axis=0) > 0] / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.expm1(sample.expression), 1e4 * share, rtol=1e-4)


def test_without_edges_genes_keep_their_values_and_nothing_else() -> None:
    sample = draw_samples("bulk", 1, seed=3, n_jobs=1)[0]
    alone = without_edges(sample, np.random.default_rng(0))
    np.testing.assert_array_equal(
        np.sort(alone.expression, axis=0), np.sort(sample.expression, axis=0)
    )
    assert alone.kind == sample.kind
    assert alone.regulates.shape == sample.regulates.shape
    assert not alone.regulates.any()
    assert sample.regulates.any()
    n_cells = len(sample.expression)
    off_diagonal = ~np.eye(sample.expression.shape[1], dtype=bool)
    spread = np.corrcoef(alone.expression.T)[off_diagonal].std()
    assert spread == pytest.approx(n_cells**-0.5, rel=0.1)


def test_a_cell_without_counts_stays_zero() -> None:
    logs = module.log_normalised(np.array([[0.0, 0.0], [1.0, 3.0]]))
    np.testing.assert_allclose(logs, [[0.0, 0.0], np.log1p([2500.0, 7500.0])])


@pytest.mark.parametrize(
    ("setting", "got"),
    [
        ({"kind": "cells"}, "kind='cells'"),
        ({"n": 0}, "n=0"),
        ({"seed": -1}, "seed=-1"),
        ({"n_jobs": 0}, "n_jobs=0"),
        ({"n_jobs": -2}, "n_jobs=-2"),
    ],
)
def test_impossible_settings(setting: dict[str, Any], got: str) -> None:
    settings = {"kind": "bulk", "n": 1, "seed": 0, "n_jobs": 1} | setting
    with pytest.raises(InputError, match=got):
        draw_samples(**settings)


def test_unknown_kind_lists_those_that_exist() -> None:
    with pytest.raises(InputError, match="boolean, single_cell, bulk, large_boolean"):
        draw_sample("GSD", np.random.default_rng(0))
