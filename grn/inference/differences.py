"""Which edges differ between two groups of cells, tested by bootstraps within the groups."""

import logging
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from omegaconf import DictConfig
from scipy import stats

from grn.data.dataset import CellDataset
from grn.data.preprocessing.labels import Labels
from grn.edges.matrix import edge_table
from grn.errors import InputError
from grn.inference.groups import LEAST_CELLS
from grn.inference.infer import infer_network
from grn.progress import track
from grn.readout import without_self

logger = logging.getLogger(__name__)

# A standard deviation over fewer bootstraps has an error of more than a third. Chosen by hand.
_LEAST_BOOTSTRAPS = 5
_LEAST_REPLICATES = 2  # the fewest between which there is a difference
_LEAST_SD = 1e-9  # keeps z finite for edges whose difference is 0 in every bootstrap
_SECONDS_BETWEEN_LINES = 10.0  # of the log; chosen by hand

REST = "rest"
"""Name of all cells that are not in a group."""


def edge_differences(
    config: DictConfig,
    cells: CellDataset,
    tfs: Sequence[str],
    tf_index: Int[np.ndarray, " n_tfs"],
    samples: tuple["Resampled", "Resampled"],
    n_bootstraps: int,
) -> pd.DataFrame:
    r"""Compare the scores of all pairs between two groups of cells.

    In each bootstrap as many cells are drawn of one group as of the other, with replacement, and
    the network of each is found: a network of more cells is surer of its edges, and that must not
    look like a difference. With d the difference of the two signed scores, its mean and its
    standard deviation over B bootstraps give

    .. math:: z = \bar d / \mathrm{sd}(d),

    a two-sided p-value by Student's t with B − 1 degrees of freedom, and the false discovery rate
    of Benjamini and Hochberg (1995) over all pairs. Groups whose labels are permuted give no
    discoveries above that rate (docs/experiments.md).

    Parameters
    ----------
    config, cells, tfs
        As in `grn.inference.infer.infer_network`.
    tf_index
        Position of each regulator among the genes.
    samples
        The group and what it is compared with.
    n_bootstraps
        B.

    Returns
    -------
    One row per pair but self, largest absolute difference first: `source, target, difference`
    (of the group from the other), `score` and `reference_score` (means over the bootstraps of the
    signed scores, from −1 to 1), `z, p_value, fdr`.
    """
    group, reference = samples
    n_drawn = min(group.size, reference.size)
    total = np.zeros((2, len(tfs), len(cells.genes)))
    drawn: list[Float[np.ndarray, "n_tfs n_genes"]] = []
    for _ in _with_progress(n_bootstraps):
        scores = [
            infer_network(config, cells, tfs, rows=sample.draw(n_drawn)).scores.T.numpy()
            for sample in samples
        ]
        total += scores
        drawn.append(scores[0] - scores[1])
    difference = np.mean(drawn, axis=0, dtype=float)
    spread = np.std(drawn, axis=0, ddof=1, dtype=float)
    z = difference / np.maximum(spread, _LEAST_SD)
    pairs = without_self(z.shape, tf_index)
    p_value, fdr = np.ones(z.shape), np.ones(z.shape)
    p_value[pairs] = 2 * stats.t.sf(np.abs(z[pairs]), n_bootstraps - 1)
    fdr[pairs] = stats.false_discovery_control(p_value[pairs])
    mean = total / n_bootstraps
    table = edge_table(
        difference, np.abs(difference), tfs, cells.genes,
        score=mean[0], reference_score=mean[1], z=z, p_value=p_value, fdr=fdr,
    )  # fmt: skip
    return table.drop(columns="importance").rename(columns={"weight": "difference"})


class Resampled:
    """Draws bootstraps of some cells: cells, or donors with all their cells.

    Parameters
    ----------
    rows
        The cells of the group.
    donors
        Donor of every cell of the group; None: cells are drawn one by one.
    generator
        Source of the random numbers.
    """

    def __init__(
        self,
        rows: Int[np.ndarray, " n_rows"],
        donors: Int[np.ndarray, " n_rows"] | None,
        generator: np.random.Generator,
    ) -> None:
        self._rows, self._generator = rows, generator
        self._of_donors: list[np.ndarray] | None = None
        if donors is not None:
            self._of_donors = [rows[donors == donor] for donor in np.unique(donors)]

    @property
    def size(self) -> int:
        """Number of cells of the group."""
        return len(self._rows)

    def draw(self, n_cells: int) -> Int[np.ndarray, " n_cells"]:
        """Return cells drawn with replacement; of drawn donors, where there are any."""
        pool = self._rows
        if self._of_donors is not None:
            n_donors = len(self._of_donors)
            chosen = self._generator.integers(n_donors, size=n_donors)
            pool = np.concatenate([self._of_donors[donor] for donor in chosen])
        return np.sort(self._generator.choice(pool, n_cells, replace=True))


def resample_groups(
    labels: Labels,
    group: str,
    reference: str | None,
    replicate: Labels | None,
    seed: int,
) -> tuple[Resampled, Resampled]:
    """Return what to draw of a group, and of the one it is compared with.

    Parameters
    ----------
    labels
        Group of every cell.
    group, reference
        Names of the two; the reference None: all other cells.
    replicate
        Donor of every cell, where donors are to be drawn instead of cells.
    seed
        Of the draws.

    Raises
    ------
    InputError
        There is no such group, both are the same, or one has too few cells or donors.
    """
    for name in (group, reference):
        if name is not None and name not in labels.names:
            msg = f"no group {name!r} in {labels.key}. Groups: {', '.join(labels.names)}."
            raise InputError(msg)
    if group == reference:
        msg = f"{group} is compared with itself; name another group, or none for all other cells."
        raise InputError(msg)
    in_group = labels.codes == labels.names.index(group)
    other = ~in_group if reference is None else labels.codes == labels.names.index(reference)
    samples = []
    for number, (name, cells) in enumerate(((group, in_group), (reference or REST, other))):
        rows = np.flatnonzero(cells)
        if len(rows) < LEAST_CELLS:
            msg = f"{name} has {len(rows)} cells; expected at least {LEAST_CELLS} to compare."
            raise InputError(msg)
        donors = None if replicate is None else replicate.codes[rows]
        if donors is not None and len(np.unique(donors)) < _LEAST_REPLICATES:
            msg = (
                f"all cells of {name} are of one {replicate.key}; expected at least "  # type: ignore[union-attr]
                f"{_LEAST_REPLICATES}, since differences between donors are what is drawn. Leave "
                "--replicate out to draw cells."
            )
            raise InputError(msg)
        samples.append(Resampled(rows, donors, np.random.default_rng((seed, number))))
    return samples[0], samples[1]


def check_bootstraps(n_bootstraps: int) -> None:
    """Raise `InputError` where a spread over so few bootstraps would mean nothing."""
    if n_bootstraps < _LEAST_BOOTSTRAPS:
        msg = f"got {n_bootstraps} bootstraps; expected at least {_LEAST_BOOTSTRAPS}."
        raise InputError(msg)


def _with_progress(n_bootstraps: int) -> Iterator[int]:
    """Yield the number of each bootstrap, and log how long the rest will take."""
    started = said = time.perf_counter()
    for number in track(range(n_bootstraps), "bootstraps of both groups"):
        yield number
        now = time.perf_counter()
        if number == 0 or now - said >= _SECONDS_BETWEEN_LINES:
            said = now
            left = (now - started) / (number + 1) * (n_bootstraps - number - 1)
            logger.info(
                "differences: %d of %d bootstraps, about %.0f s to go",
                *(number + 1, n_bootstraps, left),
            )
