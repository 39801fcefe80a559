"""Takes off what the cells of a batch have in common."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def centre_within(
    roots: Float[Tensor, "n_cells n_genes"], batch: Int[Tensor, " n_cells"]
) -> Float[Tensor, "n_cells n_genes"]:
    """Move the mean of every batch to the mean of all cells, gene by gene.

    What differs between batches, such as donors or runs of a sequencer, makes genes vary together
    without any regulation. The difference between the means of batches is taken off; how genes
    vary within a batch stays as it is.

    Parameters
    ----------
    roots
        √ of the expression, not standardised.
    batch
        Number of the batch of every cell, from 0.
    """
    return roots - _batch_means(roots, batch)[batch] + roots.mean(dim=0)


def share_between(
    roots: Float[Tensor, "n_cells n_genes"], batch: Int[Tensor, " n_cells"]
) -> float:
    """Return the share of a gene's variance that lies between batches, in the mean over genes.

    Genes that do not vary are left out. In n independent cells of k batches chance alone gives
    (k − 1) / (n − 1).
    """
    variance = roots.double().var(dim=0, correction=0)
    between = _batch_means(roots.double(), batch)[batch].var(dim=0, correction=0)
    varies = variance > 0
    return float((between[varies] / variance[varies]).mean())


def _batch_means(
    roots: Float[Tensor, "n_cells n_genes"], batch: Int[Tensor, " n_cells"]
) -> Float[Tensor, "n_batches n_genes"]:
    n_batches = int(batch.max()) + 1
    sums = torch.zeros(n_batches, roots.shape[1], dtype=roots.dtype).index_add_(0, batch, roots)
    sizes = torch.bincount(batch, minlength=n_batches).clamp_min(1)
    return sums / sizes[:, None]
