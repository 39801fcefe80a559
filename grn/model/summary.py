"""Describes cells by statistics of their genes, in units that all data sets share."""

import torch
from jaxtyping import Float
from torch import Tensor

from grn.model.pair_statistics import OF_CELLS, OF_GENE
from grn.model.transformer import SphericalTransformer

_N_OF_GENE = len(OF_GENE)
N_SUMMARY = len(OF_CELLS) + 2 * (_N_OF_GENE - 1) + _N_OF_GENE * (_N_OF_GENE - 1) // 2
"""Length of a summary."""

_LEAST = 1e-6  # keeps a division by the spread of a statistic that does not vary finite


def summarise(
    transformer: SphericalTransformer,
    of_genes: Float[Tensor, "genes of_gene"],
    of_cells: Float[Tensor, " of_cells"],
) -> Float[Tensor, " summary"]:
    """Describe the cells in units of standard deviations over the training networks.

    The result holds the statistics of the cells; means and standard deviations over the genes of
    the statistics of a gene, but for the last, `is_regulator`; and the correlations over the genes
    between any two of all of them, 0 where one does not vary.
    """
    genes = transformer.standardise("of_genes", of_genes)
    spread, mean = torch.std_mean(genes, dim=0, correction=0)
    unit = (genes - mean) / spread.clamp_min(_LEAST)
    first, second = torch.triu_indices(_N_OF_GENE, _N_OF_GENE, 1)
    correlations = (unit[:, first] * unit[:, second]).mean(dim=0)
    cells = transformer.standardise("of_cells", of_cells)[: len(OF_CELLS)]
    return torch.cat([cells, mean[:-1], spread[:-1], correlations])
