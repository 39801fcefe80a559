"""Fits the small networks that decide how much of the closed form the blend takes."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from grn.model.blend import N_EVIDENCE, N_HIDDEN, N_VOTES, Blend

SHARES = np.linspace(0.0, 1.0, 9)
"""Shares between which log AUPRC is interpolated."""

_DECAY = 3e-4  # 1e-4 ranks the same within a percent, 1e-3 worse (docs/experiments.md)
_MOST_STEPS = 600  # of L-BFGS
_LEAST_SPREAD = 1e-6  # of one number of the evidence; below it the number is constant


def fit_share(
    evidence: Float[np.ndarray, "networks evidence"],
    reached: Float[np.ndarray, "networks shares"],
    weights: Float[np.ndarray, " networks"],
) -> Float[Tensor, " parameters"]:
    r"""Return the parameters of `Blend` without its last two, for which the blend ranks best.

    The log AUPRC of every network is known at nine shares and interpolated between them; each of
    the small networks maximises its weighted mean, less the decay times the sum of the squares of
    its weights for evidence in units of its standard deviation (L-BFGS from random weights).

    Parameters
    ----------
    evidence
        What the share may depend on (`grn.model.blend.evidence`), of every network.
    reached
        Logarithm of the AUPRC of the blend at every share of `SHARES`.
    weights
        Weight of every network; their sum is 1.
    """
    evidence = evidence.astype(np.float64)
    mean, spread = evidence.mean(axis=0), evidence.std(axis=0)
    spread[spread < _LEAST_SPREAD] = 1.0
    unit = torch.from_numpy((evidence - mean) / spread)
    known, weight = torch.from_numpy(reached), torch.from_numpy(weights)
    inner, outer = _random_weights()
    inner_offset = torch.zeros(N_VOTES, N_HIDDEN, dtype=torch.float64, requires_grad=True)
    outer_offset = torch.zeros(N_VOTES, dtype=torch.float64, requires_grad=True)
    of_share = [inner, inner_offset, outer, outer_offset]
    optimizer = torch.optim.LBFGS(
        of_share, max_iter=_MOST_STEPS, line_search_fn="strong_wolfe", history_size=20
    )
    nothing = torch.zeros(())

    def loss() -> Tensor:
        optimizer.zero_grad()
        votes = Blend(inner, inner_offset, outer, outer_offset, nothing, nothing).votes(unit)
        lost = -(weight[:, None] * _between(known, votes)).sum()
        lost = lost + _DECAY * (inner.square().sum() + outer.square().sum())
        lost.backward()  # type: ignore[no-untyped-call]
        return lost

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():  # for the evidence as it is
        scaled = inner / torch.from_numpy(spread)
        shifted = inner_offset - scaled @ torch.from_numpy(mean)
    return torch.cat([scaled.flatten(), shifted.flatten(), outer.flatten(), outer_offset]).detach()


def _random_weights() -> tuple[Tensor, Tensor]:
    """Draw first weights, uniform up to 1/√(number of inputs), always the same."""
    generator = torch.Generator().manual_seed(0)
    drawn = []
    for shape, n_inputs in (((N_HIDDEN, N_EVIDENCE), N_EVIDENCE), ((N_HIDDEN,), N_HIDDEN)):
        uniform = torch.rand(N_VOTES, *shape, generator=generator, dtype=torch.float64)
        drawn.append(((2 * uniform - 1) / n_inputs**0.5).requires_grad_())
    return drawn[0], drawn[1]


def _between(
    reached: Float[Tensor, "networks shares"], share: Float[Tensor, "networks votes"]
) -> Float[Tensor, "networks votes"]:
    """Interpolate the log AUPRC of every network at its shares."""
    n_steps = len(SHARES) - 1
    at = share * n_steps
    left = at.detach().long().clamp(max=n_steps - 1)
    below, above = reached.gather(1, left), reached.gather(1, left + 1)
    return below + (at - left) * (above - below)
