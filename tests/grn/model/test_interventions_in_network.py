"""What `find_network` makes of interventions: nothing where there are none, and direction."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grn.interventions import Interventions
from grn.model import pretrained
from grn.model.blend import N_PARAMETERS
from grn.model.extension import extended
from grn.model.pretrained import FORMAT, find_network
from grn.model.transformer import SphericalTransformer

SIZES = {
    "width": 6, "n_heads": 2, "head_dim": 3, "n_channels": 5, "hidden_size": 7, "n_blocks": 2,
}  # fmt: skip
N_CELLS, N_GENES = 60, 9
TFS = torch.tensor([0, 1, 2])


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of which those of the interventions alone are above 0; those of a file."""
    torch.manual_seed(1)
    first = SphericalTransformer(**SIZES)
    second = extended(first)
    with torch.no_grad():
        second.strength[-18] = 1.0  # of the effect of the regulator
    for name, transformer in (("first", first), ("second", second)):
        content = {
            "format": FORMAT,
            "sizes": transformer.arguments,
            "transformer": transformer.state_dict(),
            "blend": torch.zeros(N_PARAMETERS),
            "left_out": {},
        }
        torch.save(content, tmp_path / f"{name}.pt")
    monkeypatch.setattr(pretrained, "INTERVENTIONAL", tmp_path / "second.pt")
    return tmp_path / "first.pt"


@pytest.fixture
def roots() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(N_CELLS, N_GENES, generator=generator) + 1


def knocked_out(*genes: int) -> Interventions:
    dose = np.zeros((1 + len(genes), N_GENES), dtype=np.float32)
    dose[range(1, 1 + len(genes)), genes] = -1
    return Interventions(np.arange(N_CELLS) % len(dose), dose)


def test_cells_without_perturbed_genes_give_the_same_bits(
    weights: Path, roots: torch.Tensor
) -> None:
    plain = find_network(roots, TFS, weights).scores
    for nothing in (None, knocked_out()):
        assert torch.equal(find_network(roots, TFS, weights, interventions=nothing).scores, plain)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_an_effect_raises_its_edge_with_and_without_the_closed_form(
    weights: Path, roots: torch.Tensor, share: float
) -> None:
    labels = knocked_out(1, 2)
    roots[labels.group == 1, 5] += 2  # 1 represses 5
    plain = find_network(roots, TFS, weights, share=share).scores
    told = find_network(roots, TFS, weights, share=share, interventions=labels).scores
    changed = (told.abs() - plain.abs()).abs()
    assert int(changed.argmax()) == 5 * len(TFS) + 1
    assert told.abs()[5, 1] > plain.abs()[5, 1]
    # Gene 0 was not perturbed.
    assert changed[:, 0].max() < 1e-4
