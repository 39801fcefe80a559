"""RegDiffusion, trained by its own package."""

import contextlib
import io
import tempfile

import numpy as np
from jaxtyping import Int

from grn.benchmark.peers.dense import dense
from grn.errors import InputError
from grn.evaluation.scores import Scores
from grn.expression import Expression


def regdiffusion(
    expression: Expression,
    tf_index: Int[np.ndarray, " n_tfs"],
    *,
    seed: int = 0,
    n_steps: int = 1000,
) -> Scores:
    """Rank pairs by the adjacency matrix that predicts a diffusion's noise (Zhu & Slonim 2024).

    All settings but the number of steps are the package's defaults, on a GPU if there is one. Its
    adjacency is hardly ever negative, so it gives no signs. The package scales each cell to
    0…1; a gene that is constant before or then, which it refuses, gets 0, and a cell without a
    range, which turns into NaN there, is left out.

    Parameters
    ----------
    expression
        (n_cells, n_genes), log-normalised, dense or sparse.
    tf_index
        Columns of the regulators.
    seed
        Of the weights, the cells of a step and their noise.
    n_steps
        Steps of 128 cells.

    Raises
    ------
    InputError
        The package is not installed.
    """
    levels = dense(expression)
    importance = np.zeros((levels.shape[1], levels.shape[1]))
    cells, genes = _contrasted(levels)
    if len(genes) > 1:
        adjacency = _adjacency(levels[np.ix_(cells, genes)], seed, n_steps)
        importance[np.ix_(genes, genes)] = np.abs(adjacency)
    return Scores(None, importance[tf_index])


def _contrasted(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cells and genes that vary, also when each cell is scaled to 0…1, as the package does."""
    genes = np.flatnonzero(np.ptp(levels, axis=0))
    while len(genes):
        low, width = levels[:, genes].min(axis=1), np.ptp(levels[:, genes], axis=1)
        cells = np.flatnonzero(width)
        scaled = (levels[np.ix_(cells, genes)] - low[cells, None]) / width[cells, None]
        varied = np.ptp(scaled, axis=0) > 0 if len(cells) else np.zeros(len(genes), dtype=bool)
        if varied.all():
            return cells, genes
        genes = genes[varied]  # which can change the range of a cell
    return np.arange(0), genes


def _adjacency(levels: np.ndarray, seed: int, n_steps: int) -> np.ndarray:
    import torch

    precision = torch.get_float32_matmul_precision()
    try:
        from regdiffusion import LightLogger, RegDiffusionTrainer
    except ImportError as error:
        msg = (
            f"RegDiffusion cannot be imported ({error}). It is an optional package; install it "
            "with: pip install regdiffusion==0.2.3 jsonpickle pyvis"
        )
        raise InputError(msg) from error
    # The package draws from the global generators, sets the precision of every product on its
    # first import only, shows a progress bar and makes a folder of logs where it runs.
    torch.set_float32_matmul_precision("high")
    try:
        with (
            torch.random.fork_rng(),
            tempfile.TemporaryDirectory() as folder,
            contextlib.redirect_stderr(io.StringIO()),
        ):
            trainer = RegDiffusionTrainer(
                levels,
                device="cuda" if torch.cuda.is_available() else "cpu",
                logger=LightLogger(folder),
                n_steps=n_steps,
                seed=seed,
            )
            trainer.train()
            return np.asarray(trainer.get_adj(), dtype=float)
    finally:
        torch.set_float32_matmul_precision(precision)
