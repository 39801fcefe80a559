import pytest
import torch
from flashsign import reference
from flashsign.reference import Normaliser

from grn.model.attention import Attended, attend

BATCH, HEADS, TARGETS, REGULATORS, DIM, CHANNELS = 2, 3, 7, 5, 4, 6
OWN_KEY = torch.tensor([0, 1, 2, 3, 4, -1, -1])


@pytest.fixture
def given() -> list[torch.Tensor]:
    """Queries, keys, values and bias in float64."""
    shapes = [
        (TARGETS, DIM), (REGULATORS, DIM), (REGULATORS, CHANNELS), (TARGETS, REGULATORS),
    ]  # fmt: skip
    return [torch.randn(BATCH, HEADS, *shape, dtype=torch.float64) for shape in shapes]


def attended(
    given: list[torch.Tensor], normaliser: Normaliser = "l2", is_pair: torch.Tensor | None = None
) -> Attended:
    if is_pair is None:
        is_pair = torch.ones(BATCH, 1, *given[-1].shape[2:], dtype=torch.bool)
    return attend(*given, OWN_KEY, is_pair, normaliser=normaliser)


@pytest.mark.parametrize("normaliser", ["l2", "l1", "softmax"])
def test_a_batch_is_a_loop_over_its_elements(
    given: list[torch.Tensor], normaliser: Normaliser
) -> None:
    found = attended(given, normaliser)
    for element in range(BATCH):
        q, k, v, bias = (t[element : element + 1] for t in given)
        rest = (None, OWN_KEY, None, 1e-6, normaliser)
        expected = reference.attention_map(q, k, bias[0], *rest)
        torch.testing.assert_close(found.weights[element], expected.weight_mean)
        torch.testing.assert_close(found.row_norm[element], expected.row_norm_mean)
        received = reference.attention(q, k, v, bias[0], *rest)[0]
        torch.testing.assert_close(found.received[element], received)


def test_rows_are_on_the_unit_sphere_and_no_gene_attends_to_itself(
    given: list[torch.Tensor],
) -> None:
    found = attended(given)
    norms = found.weights.norm(dim=-1)
    torch.testing.assert_close(norms, torch.ones_like(norms), atol=1e-5, rtol=0)
    assert not found.weights.diagonal(dim1=-2, dim2=-1).any()
    assert (found.weights < 0).any()


@pytest.mark.parametrize("normaliser", ["l2", "l1", "softmax"])
def test_scores_are_products_and_bias(given: list[torch.Tensor], normaliser: Normaliser) -> None:
    queries, keys, _, bias = given
    expected = queries @ keys.mT + bias
    expected.diagonal(dim1=-2, dim2=-1).zero_()
    scores = attended(given, normaliser).scores
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("normaliser", ["l2", "l1", "softmax"])
def test_a_regulator_that_only_pads_takes_no_part(
    given: list[torch.Tensor], normaliser: Normaliser
) -> None:
    queries, keys, values, bias = given
    longer = [
        queries,
        *(torch.nn.functional.pad(t, (0, 0, 0, 1)) for t in (keys, values)),
        torch.nn.functional.pad(bias, (0, 1), value=3.0),
    ]
    is_pair = torch.ones(BATCH, 1, TARGETS, REGULATORS + 1, dtype=torch.bool)
    is_pair[..., -1] = False
    found, alone = attended(longer, normaliser, is_pair), attended(given, normaliser)
    assert not found.weights[..., -1].any()
    torch.testing.assert_close(found.weights[..., :-1], alone.weights)
    torch.testing.assert_close(found.received, alone.received)


def test_everything_given_learns(given: list[torch.Tensor]) -> None:
    for tensor in given:
        tensor.requires_grad_()
    found = attended(given)
    (found.received.sum() + found.scores.square().sum()).backward()
    assert all(tensor.grad is not None and tensor.grad.abs().sum() > 0 for tensor in given)
