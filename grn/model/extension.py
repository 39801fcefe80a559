"""Standardises the statistics of a transformer, and extends it by those of interventions."""

import torch
from torch import Tensor

from grn.model.pair_statistics import OF_CELLS, OF_GENE, OF_PAIR
from grn.model.transformer import SphericalTransformer, count_statistics


def extended(transformer: SphericalTransformer) -> SphericalTransformer:
    """Return a transformer that also takes interventions; for now they change nothing.

    Weights of the new statistics are 0, and all others are those of the given transformer.
    """
    wider = SphericalTransformer(**transformer.arguments, interventional=True)
    n_wider = count_statistics(interventional=True)
    pairs, genes, cells = (torch.arange(len(of)) for of in (OF_PAIR, OF_GENE, OF_CELLS))
    # Where the columns of a first layer go: in these, several statistics stand side by side.
    columns = {
        "embed.first.weight": torch.cat([pairs, n_wider["of_pairs"] + pairs]),
        "token.0.weight": torch.cat([genes, n_wider["of_genes"] + cells]),
    }
    own = transformer.state_dict()
    for name, values in wider.state_dict().items():
        if values.shape == own[name].shape:
            values.copy_(own[name])
        else:
            values.fill_(1.0 if name.endswith("_spread") else 0.0)
            at = columns.get(name, torch.arange(own[name].shape[-1]))
            values[..., at] = own[name]
    return wider


def standardise_by(
    transformer: SphericalTransformer,
    moments: dict[str, tuple[Tensor, Tensor]],
    *,
    interventions_alone: bool = False,
) -> None:
    """Set means and standard deviations of the statistics, by their names in `Inputs`.

    Parameters
    ----------
    transformer
        Changed in place.
    moments
        Mean and standard deviation of every statistic.
    interventions_alone
        Whether those of the other statistics stay as they are.
    """
    known = count_statistics(interventional=False)
    for name, (mean, spread) in moments.items():
        first = known[name] if interventions_alone else 0
        transformer.get_buffer(f"{name}_mean")[first:].copy_(mean[first:])
        transformer.get_buffer(f"{name}_spread")[first:].copy_(spread[first:])
