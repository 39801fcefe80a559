"""Compare simulated cells with BoolODE's own runs: mean expression, and signs along true edges.

Every Boolean model is simulated with several seeds and judged against run 0 of the shared data set
`beeline_simulated`; run 1, another sample of the same trajectories, is judged likewise. With
--picture FILE, cells of one model are drawn beside the run they should look like.
"""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from markdown_table import aligned
from scipy.stats import rankdata

from grn.data.datasets.root import data_folder
from grn.data.reading.read import read_cells
from grn.simulation.cells import simulate_model
from grn.simulation.models import RANDOM, model_names

if TYPE_CHECKING:
    from anndata import AnnData

MODELS = [name for name in model_names() if name != RANDOM]
CLOSE = 0.1
"""Difference of two means that counts as agreement; a gene that is fully on has 2."""
STRONG = 0.3
"""Smallest |Spearman correlation| in the real run of a true edge whose sign is compared."""


class Agreement(NamedTuple):
    """How well cells agree with a real run."""

    close_means: float
    """Share of genes whose means differ by at most `CLOSE`."""
    largest_difference: float
    same_signs: float
    """Share of the true edges with a strong correlation in the real run that has its sign here."""
    n_strong: int
    correlation_difference: float
    """Mean |difference| of the Spearman correlation over all pairs of genes."""


def real_run(model: str, run: int, data: Path) -> "AnnData":
    """Read a run of BoolODE: 2000 cells of up to 150 trajectories."""
    return read_cells(data / "beeline_simulated" / model / f"{model}_2000_{run}")


def agreement(cells: "AnnData", real: "AnnData", truth: Any) -> Agreement:
    """Compare cells with a real run of the same genes, along the edges of a truth."""
    genes = cells.var_names
    ours, theirs = (_dense(adata[:, genes]) for adata in (cells, real))
    difference = np.abs(ours.mean(axis=0) - theirs.mean(axis=0))
    correlation, reference = (np.corrcoef(rankdata(x, axis=0).T) for x in (ours, theirs))
    pairs = truth[truth["source"] != truth["target"]]
    source, target = (genes.get_indexer(pairs[end]) for end in ("source", "target"))
    strong = np.abs(reference[source, target]) > STRONG
    same = np.sign(correlation[source, target]) == np.sign(reference[source, target])
    return Agreement(
        float((difference <= CLOSE).mean()),
        float(difference.max()),
        float(same[strong].mean()),
        int(strong.sum()),
        float(np.abs(correlation - reference)[np.triu_indices(len(genes), 1)].mean()),
    )


def _dense(adata: "AnnData") -> Any:
    return np.asarray(adata.X.toarray() if hasattr(adata.X, "toarray") else adata.X, dtype=float)


def compare(model: str, seeds: range, data: Path) -> list[str]:
    """Return a row of the table: one model, all seeds against run 0, and run 1 against run 0."""
    real = real_run(model, 0, data)
    start = time.perf_counter()
    drawn = [simulate_model(model, seed=seed) for seed in seeds]
    seconds = (time.perf_counter() - start) / len(seeds)
    truth = drawn[0].uns["truth"]
    *ours, other = (
        agreement(cells, real, truth)
        for cells in (*drawn, real_run(model, 1, data)[:, drawn[0].var_names])
    )
    signs = [a.same_signs for a in ours]
    return [
        model,
        f"{np.mean([a.close_means for a in ours]):.2f}",
        f"{np.mean([a.largest_difference for a in ours]):.2f}",
        f"{np.mean(signs):.2f} of {other.n_strong}",
        f"{np.mean([a.correlation_difference for a in ours]):.3f}",
        f"{other.close_means:.2f}",
        f"{other.largest_difference:.2f}",
        f"{other.same_signs:.2f}",
        f"{other.correlation_difference:.3f}",
        f"{seconds:.1f}",
    ]


def picture(model: str, data: Path, path: Path) -> None:
    """Draw simulated cells and the real run in the same two principal components, by time."""
    import matplotlib.pyplot as plt

    ours, real = simulate_model(model), real_run(model, 0, data)
    x, y = _dense(ours), _dense(real[:, ours.var_names])
    centre = x.mean(axis=0)
    axes_of_ours = np.linalg.svd(x - centre, full_matrices=False)[2][:2].T
    times = [float(name.partition("_")[2].replace("_", ".")) for name in real.obs_names]
    figure, axes = plt.subplots(
        1, 2, figsize=(8, 3.4), sharex=True, sharey=True, dpi=110, layout="constrained"
    )
    shown = ((x, ours.obs["time"], "simulated here"), (y, times, "BoolODE, run 0"))
    for axis, (values, when, title) in zip(axes, shown, strict=True):
        first, second = ((values - centre) @ axes_of_ours).T
        points = axis.scatter(first, second, c=when, s=4, cmap="viridis", linewidths=0)
        axis.set(title=f"{model}, {title}", xlabel="PC 1", xticks=[], yticks=[])
    axes[0].set_ylabel("PC 2")
    figure.colorbar(points, ax=axes, label="time (protein lifetimes)")
    figure.savefig(path)


def main() -> None:
    """Print the table, or draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the first model")
    options = parser.parse_args()
    data = data_folder()
    if data is None:
        parser.error("no shared data: set GRN_DATA to the folder that holds beeline_simulated/")
    if options.picture is not None:
        picture(options.models[0], data, options.picture)
        return
    head = ["model", "means", "largest Δ", "signs", "Δ corr.", "run 1: means", "largest Δ"]
    rows = [compare(model, range(options.seeds), data) for model in options.models]
    print(aligned([[*head, "signs", "Δ corr.", "s"], *rows]))


if __name__ == "__main__":
    main()
