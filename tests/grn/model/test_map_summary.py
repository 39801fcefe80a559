import math

import torch

from grn.model.layout import Layout
from grn.model.map_summary import MapSummary

GENES, REGULATORS, HEADS, FEATURES = 5, 3, 2, 2


def test_a_map_is_summarised_by_rows_columns_and_received_values() -> None:
    """Groups of targets give the same summary as the whole map, computed here directly."""
    torch.manual_seed(0)
    weights = torch.randn(1, HEADS, GENES, REGULATORS, dtype=torch.float64)
    norm = torch.rand(1, HEADS, GENES, dtype=torch.float64) + 1
    sent = torch.randn(1, HEADS, GENES, FEATURES, dtype=torch.float64)
    received = torch.randn(1, HEADS, GENES, 3, dtype=torch.float64)
    rows = torch.arange(GENES).split(2)
    layout = Layout(torch.ones(1, GENES).bool(), torch.ones(1, REGULATORS).bool(), rows)
    summary = MapSummary(layout, sent)
    for part in rows:
        of_part = (one[:, :, part] for one in (weights, norm, received))
        summary.add(*of_part, part)
    profiles, around = summary.gather(FEATURES)
    torch.testing.assert_close(profiles, received[..., FEATURES:])
    # Heads stand side by side within every kind of input.
    kinds = around.split([HEADS * n for n in (FEATURES, FEATURES, 2, 2)], dim=-1)
    values, incoming, of_rows, of_columns = (
        kind.unflatten(-1, (HEADS, -1)).transpose(1, 2) for kind in kinds
    )
    torch.testing.assert_close(values, received[..., :FEATURES])
    torch.testing.assert_close(
        incoming[:, :, :REGULATORS], weights.mT @ sent / math.sqrt(GENES), check_dtype=False
    )
    mean_square = norm.square() / REGULATORS
    torch.testing.assert_close(of_rows[..., 0], mean_square.log() / 2, atol=1e-5, rtol=0)
    torch.testing.assert_close(of_rows[..., 1], weights.abs().amax(dim=-1))
    total = weights.sum(dim=2) * math.sqrt(REGULATORS) / GENES
    square = weights.square().sum(dim=2) * REGULATORS / GENES
    torch.testing.assert_close(of_columns[:, :, :REGULATORS, 0], total)
    torch.testing.assert_close(
        of_columns[:, :, :REGULATORS, 1], square.log() / 2, atol=1e-4, rtol=0
    )
    # Genes that are no regulators have no column.
    assert not incoming[:, :, REGULATORS:].any()
    assert not of_columns[:, :, REGULATORS:].any()
