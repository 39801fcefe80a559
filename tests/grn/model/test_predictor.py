import pytest
import torch

from grn.errors import InputError
from grn.model.predictor import ExpressionPredictor
from grn.model.profiles import gene_profiles

TF_INDEX = torch.tensor([0, 3])
N_GENES = 5
SIZES = {"n_channels": 3, "hidden_size": 4, "n_axes": 5}


@pytest.fixture
def z() -> torch.Tensor:
    cells = torch.randn(80, N_GENES)
    cells[:, 1] += 2 * cells[:, 0]
    return (cells - cells.mean(dim=0)) / cells.std(dim=0, correction=0)


@pytest.fixture
def scores() -> torch.Tensor:
    found = torch.randn(N_GENES, 2)
    found[TF_INDEX, torch.arange(2)] = 0
    return found


@pytest.fixture
def predictor(z: torch.Tensor, scores: torch.Tensor) -> ExpressionPredictor:
    return ExpressionPredictor(z, gene_profiles(z), scores, TF_INDEX, **SIZES)


def test_only_the_map_speaks_at_the_start(predictor: ExpressionPredictor, z: torch.Tensor) -> None:
    level = torch.rand(len(z))
    with torch.no_grad():
        received = predictor.attention(z[:, TF_INDEX, None])[..., 0]
        predicted = predictor(z, level)
    torch.testing.assert_close(predicted, torch.nn.functional.softplus(predictor.gain) * received)
    assert (torch.nn.functional.softplus(predictor.gain) > 0).all()


def test_a_positive_weight_says_that_more_predicts_more(
    predictor: ExpressionPredictor, z: torch.Tensor
) -> None:
    more = z.clone()
    more[:, 0] += 1
    level = torch.zeros(len(z))
    with torch.no_grad():
        change = (predictor(more, level) - predictor(z, level)).mean(dim=0)
        weight = predictor.attention(torch.tensor([[[1.0], [0.0]]]))[0, :, 0]
    assert torch.equal(change.sign()[1:], weight.sign()[1:])
    assert change[0] == 0


def test_targets_never_see_themselves(predictor: ExpressionPredictor, z: torch.Tensor) -> None:
    with torch.no_grad():
        for parameter in predictor.parameters():
            parameter.normal_()
        other = z.clone()
        other[:, [0, 2]] = 7
        level = torch.zeros(len(z))
        moved = (predictor(other, level) - predictor(z, level)).abs().amax(dim=0) > 0
    assert moved.tolist() == [False, True, True, True, True]


def test_noise_changes_how_much_is_predicted(
    predictor: ExpressionPredictor, z: torch.Tensor
) -> None:
    with torch.no_grad():
        predictor.gain_by_noise[-1].weight.fill_(1)
        low, high = (predictor(z, torch.full((len(z),), level)) for level in (0.0, 1.0))
    assert not torch.allclose(low, high)


@pytest.mark.parametrize(("name", "value"), [("n_channels", 1), ("hidden_size", 0), ("n_axes", 0)])
def test_sizes_out_of_range_are_refused(
    z: torch.Tensor, scores: torch.Tensor, name: str, value: int
) -> None:
    with pytest.raises(InputError, match=f"{name}={value}.*expected at least 2"):
        ExpressionPredictor(z, gene_profiles(z), scores, TF_INDEX, **{**SIZES, name: value})
