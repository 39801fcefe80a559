"""Writes any number of simulated cells to a file, block by block, for the measurements of cost."""

from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

SPARSE, DENSE = 0.09, 0.5
"""`most` of `write_cells` with which a twentieth, and an eighth, of the values are not 0."""

_PROGRAMMES = 8
_FEWEST = 0.01
_VALUES_PER_BLOCK = 1 << 20
# Numbers of a chunk of the file: half a megabyte, about as much as anndata writes at once.
_CHUNK = 1 << 17


def write_cells(
    path: Path, n_cells: int, n_genes: int, seed: int = 0, *, most: float = DENSE
) -> None:
    """Write Poisson counts of a few shared programmes, a block of cells at a time.

    log rate = gene + programmes of the cell × loadings of the gene. One more molecule of each
    gene, in one cell, sees to it that no gene is constant and dropped.

    Parameters
    ----------
    path
        File to write (.h5ad, CSR).
    n_cells, n_genes
        Sizes.
    seed
        The same seed gives the same cells.
    most
        Molecules of the strongest genes in a typical cell; the weakest have 0.01.
    """
    rng = np.random.default_rng(seed)
    base = rng.uniform(np.log(_FEWEST), np.log(most), n_genes).astype(np.float32)
    loadings = rng.normal(0.0, 0.3, (_PROGRAMMES, n_genes)).astype(np.float32)
    genes, lengths = np.arange(n_genes), [np.zeros(1, np.int64)]
    cells = anndata.AnnData(
        obs=pd.DataFrame(index=[f"cell{i}" for i in range(n_cells)]),
        var=pd.DataFrame(index=gene_names(n_genes)),
    )
    cells.write_h5ad(path)
    with h5py.File(path, "r+") as file:
        if "X" in file:
            del file["X"]
        group = file.create_group("X")
        shape = (n_cells, n_genes)
        kind = {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": shape}
        group.attrs.update(kind)
        data, indices = (
            group.create_dataset(name, (0,), dtype, maxshape=(None,), chunks=(_CHUNK,))
            for name, dtype in (("data", np.float32), ("indices", np.int32))
        )
        for start in range(0, n_cells, _VALUES_PER_BLOCK // n_genes):
            stop = min(n_cells, start + _VALUES_PER_BLOCK // n_genes)
            programmes = rng.standard_normal((stop - start, _PROGRAMMES), np.float32)
            cell = genes % n_cells
            here = (start <= cell) & (cell < stop)
            one_more = sparse.csr_matrix(
                (np.ones(here.sum(), np.float32), (cell[here] - start, genes[here])),
                (stop - start, n_genes),
            )
            block = _poisson(np.exp(base + programmes @ loadings), rng) + one_more
            for stored, values in ((data, block.data), (indices, block.indices)):
                at = stored.shape[0]
                stored.resize((at + block.nnz,))
                stored[at:] = values
            lengths.append(np.diff(block.indptr))
        group["indptr"] = np.concatenate(lengths).cumsum(dtype=np.int64)


def _poisson(rate: np.ndarray, rng: np.random.Generator) -> sparse.csr_matrix:
    """Draw a Poisson count for every rate by the inverse of the distribution function.

    Nearly all counts are 0, which one comparison tells: a fifth of the time of `rng.poisson`.
    """
    shape, drawn, at_most = rate.shape, rng.random(rate.shape, np.float32), np.exp(-rate)
    at = np.nonzero(drawn > at_most)
    drawn, rate, at_most = drawn[at], rate[at], at_most[at]
    counts, chance = np.ones(len(rate), np.float32), at_most * rate
    for n in range(2, 100):
        at_most += chance
        larger = drawn > at_most
        if not larger.any():
            break
        counts[larger] = n
        chance *= rate / n
    return sparse.csr_matrix((counts, at), shape)


def gene_names(n_genes: int) -> list[str]:
    """Return the names of the genes; the first are the regulators."""
    return [f"gene{i}" for i in range(n_genes)]
