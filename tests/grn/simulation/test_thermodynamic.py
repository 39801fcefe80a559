"""Kinetics of modules against values worked out by hand, and that every edge keeps its sign."""

import numpy as np
import pytest

from grn.simulation import thermodynamic as module
from grn.simulation.thermodynamic import Thermodynamic, draw_thermodynamic, relax
from grn.simulation.topology import draw_topology


def two_modules(is_complex: bool) -> Thermodynamic:
    """Genes 0 and 1 help the first module of gene 2 and gene 3 hinders it; 3 helps the second."""
    alpha = np.zeros((4, 2, 2))
    alpha[2] = [[0.2, 0.0], [0.9, 0.5]]
    return Thermodynamic(
        regulator=np.array([0, 1, 3, 3]),
        module=np.array([4, 4, 4, 5]),
        helps=np.array([True, True, False, True]),
        dissociation=np.array([0.5, 0.25, 0.4, 0.8]),
        cooperativity=np.array([2.0, 1.0, 3.0, 2.0]),
        is_complex=np.full(8, is_complex),
        transcription=alpha,
    )


PROTEIN = np.array([[0.3, 0.5, 0.7, 0.2], [0.9, 0.1, 0.7, 1.0]])
CHI = np.stack(
    [(PROTEIN[:, 0] / 0.5) ** 2, PROTEIN[:, 1] / 0.25, (PROTEIN[:, 3] / 0.4) ** 3], axis=1
)
SECOND = (PROTEIN[:, 3] / 0.8) ** 2 / (1 + (PROTEIN[:, 3] / 0.8) ** 2)


@pytest.mark.parametrize("is_complex", [True, False])
def test_modules_by_hand(is_complex: bool) -> None:
    helped = CHI[:, 0] * CHI[:, 1]
    together = helped / (1 + helped + helped * CHI[:, 2])
    active = together if is_complex else helped / np.prod(1 + CHI, axis=1)
    kinetics = two_modules(is_complex)
    found = kinetics.module_activity(PROTEIN)
    np.testing.assert_allclose(found[:, 4], active, rtol=1e-5)
    np.testing.assert_allclose(found[:, 5], SECOND, rtol=1e-5)
    states = [(1 - active) * (1 - SECOND), active * (1 - SECOND), active * SECOND]
    expected = 0.2 * states[0] + 0.9 * states[1] + 0.5 * states[2]
    rate = kinetics.rate(PROTEIN, kinetics.transcription[None])
    np.testing.assert_allclose(rate[:, 2], expected, rtol=1e-5)


def test_every_edge_keeps_its_sign() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        signs = draw_topology(rng, 25)
        kinetics = draw_thermodynamic(rng, signs)
        protein = rng.uniform(0.05, 1.0, (30, 25))
        base = kinetics.rate(protein, kinetics.transcription[None])
        for gene in range(25):
            more = protein.copy()
            more[:, gene] *= 1.3
            change = kinetics.rate(more, kinetics.transcription[None]) - base
            assert (change * signs[gene] >= -1e-5).all()
            assert np.abs(change[:, signs[gene] == 0]).max() < 1e-5


def test_basal_transcription_depends_on_what_a_gene_has() -> None:
    enhances = np.repeat([[1, 1], [-1, -1], [1, -1], [0, 0]], 100, axis=0)
    alpha = module._draw_transcription(np.random.default_rng(2), enhances)
    assert ((alpha >= 0) & (alpha <= 1)).all()
    assert alpha[:100, 0, 0].max() <= 0.25
    assert (alpha[:100, 1, 1] > alpha[:100, 0, 0]).all()
    assert alpha[100:200, 0, 0].min() >= 0.75
    assert (alpha[100:200, 1, 1] < alpha[100:200, 0, 0]).all()
    assert (np.ptp(alpha[300:].reshape(100, -1), axis=1) == 0).all()


def test_production_and_decay_balance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_NOISE", 0.0)
    kinetics = two_modules(is_complex=False)
    kinetics.transcription[[0, 1, 3]] = 0.5
    shift = np.array([[0.0, 0.1, 0.0, -0.2], [0.2, 0.9, 0.05, 0.0]])
    factor = np.array([[1.0, 0.5, 1.0, 1.0], [1.0, 1.0, 2.0, 0.0]])
    amounts = relax(np.random.default_rng(0), kinetics, shift, factor)
    free = [0, 1, 3]
    expected = factor * np.clip(0.5 + shift, 0.0, 1.0)
    np.testing.assert_allclose(amounts[:, free], np.maximum(expected, 1e-4)[:, free], rtol=1e-3)
    alpha = np.clip(kinetics.transcription + shift[..., None, None], 0.0, 1.0)
    rate = factor * kinetics.rate(amounts, alpha)
    np.testing.assert_allclose(amounts[:, 2], rate[:, 2], rtol=1e-2)
