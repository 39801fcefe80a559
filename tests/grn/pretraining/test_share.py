import numpy as np
import pytest
import torch

from grn.model.blend import N_EVIDENCE, N_PARAMETERS, Blend
from grn.pretraining.share import SHARES, fit_share

N = 40


def blend_of(parameters: torch.Tensor) -> Blend:
    return Blend.of(torch.cat([parameters, torch.zeros(2, dtype=torch.float64)]))


def reached_best_at(best: np.ndarray) -> np.ndarray:
    """Return log AUPRCs with one peak, at the share that each network wants."""
    return -np.abs(SHARES[None, :] - best[:, None])


def test_the_share_that_ranks_best_is_found_also_where_it_is_no_linear_function() -> None:
    rng = np.random.default_rng(0)
    evidence = 3 + 100 * rng.normal(size=(N, N_EVIDENCE))
    first, second = evidence[:, 0] > 3, evidence[:, 1] > 3
    best = (first ^ second).astype(float)
    parameters = fit_share(evidence, reached_best_at(best), np.full(N, 1 / N))
    assert len(parameters) == N_PARAMETERS - 2
    assert not parameters.requires_grad
    blend = blend_of(parameters)
    shares = np.array([blend.share(torch.from_numpy(of)) for of in evidence])
    assert np.abs(shares - best).mean() < 0.05


def test_a_share_between_the_known_ones_is_found() -> None:
    evidence = np.random.default_rng(0).normal(size=(N, N_EVIDENCE))
    reached = -np.square(SHARES[None, :] - np.full((N, 1), 0.5))
    blend = blend_of(fit_share(evidence, reached, np.full(N, 1 / N)))
    assert blend.share(torch.zeros(N_EVIDENCE, dtype=torch.float64)) == pytest.approx(
        0.5, abs=0.02
    )


def test_networks_count_by_their_weights_and_constant_evidence_does_no_harm() -> None:
    evidence = np.ones((2, N_EVIDENCE))
    reached = reached_best_at(np.array([0.0, 1.0]))
    for weights, share in (((0.9, 0.1), 0.0), ((0.1, 0.9), 1.0)):
        blend = blend_of(fit_share(evidence, reached, np.array(weights)))
        assert blend.share(torch.ones(N_EVIDENCE, dtype=torch.float64)) == pytest.approx(
            share, abs=0.05
        )


def test_the_same_networks_give_the_same_bits() -> None:
    rng = np.random.default_rng(1)
    evidence, best = rng.normal(size=(N, N_EVIDENCE)), rng.random(N)
    first, again = (
        fit_share(evidence, reached_best_at(best), np.full(N, 1 / N)) for _ in range(2)
    )
    assert torch.equal(first, again)
