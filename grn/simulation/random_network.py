"""Simulates single-cell counts of a random signed network, whose truth is known."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from grn.errors import InputError
from grn.simulation.measurement import capture
from grn.simulation.topology import edges_into

if TYPE_CHECKING:
    from anndata import AnnData

_Array = np.ndarray[Any, np.dtype[np.float64]]
_Indices = np.ndarray[Any, np.dtype[np.int64]]

N_TFS, N_TARGETS, DEPTH = 12, 88, 0.06

# Time is counted in mean lifetimes of an mRNA, amounts in molecules per cell. The constants below
# and those of `Variation` were chosen by hand; none was fitted to real cells.
_TIME_STEP = 0.1
_BURN_IN = 8.0
_DURATION = 12.0
_PROTEIN_DECAY = 0.7
_PROTEINS_PER_MRNA = 5.0
_LEAK = 0.08  # share of the full rate without the activator
_ACTIVITY_TIME, _PROGRAM_TIME = 6.0, 10.0  # correlation times


@dataclass(frozen=True)
class Variation:
    """How TFs regulate each other, and what makes cells differ."""

    tf_in_degree: tuple[float, ...] = (0.5, 0.35, 0.15)  # probabilities of 0, 1, 2, … regulators
    rank_exponent: float = 0.7  # out-degree against its rank
    activity_sd: float = 0.6  # log rate of a TF, own to the cell
    program_sd: float = 0.5  # of a programme shared by many genes, such as growth
    lineage_sd: float = 1.6  # log fold change of a TF at the end of a lineage
    n_lineages: int = 3


_AS_IN_THE_DEMO = Variation()


@dataclass(frozen=True)
class Network:
    """Signed edges and kinetic constants; arrays over edges unless said."""

    regulator: _Indices
    target: _Indices
    sign: _Indices
    threshold: _Array  # protein amount at half effect (molecules)
    cooperativity: _Array  # Hill coefficient of each TF, shape (n_tfs,)
    typical_mrna: _Array  # molecules, shape (n_genes,)
    full_rate: _Array  # transcription (molecules per mRNA lifetime), shape (n_genes,)

    def log_effects(self, protein: _Array) -> _Array:
        """Return the log of the factor by which each edge changes the rate of its target.

        Every edge acts through h = pⁿ / (pⁿ + Kⁿ) of its regulator's amount p: an activator
        multiplies the rate by leak + (1 − leak) h, a repressor by leak + (1 − leak) (1 − h).

        Parameters
        ----------
        protein
            Molecules, shape (n_cells, n_tfs).

        Returns
        -------
        Shape (n_cells, n_edges), all ≤ 0.
        """
        half = self.threshold ** self.cooperativity[self.regulator]
        power = (protein**self.cooperativity)[:, self.regulator]
        bound = power / (power + half)
        effect = np.where(self.sign > 0, bound, 1.0 - bound)
        return np.log(_LEAK + (1.0 - _LEAK) * effect)

    def log_regulation(self, protein: _Array) -> _Array:
        """Return the log share of the full rate, shape (n_cells, n_genes), all ≤ 0."""
        return np.ascontiguousarray((self._into @ self.log_effects(protein).T).T)

    @cached_property
    def _into(self) -> sp.csr_array:
        return edges_into(self.target, self.full_rate.size)


def simulate(
    *,
    n_tfs: int = N_TFS,
    n_targets: int = N_TARGETS,
    n_cells: int = 1000,
    seed: int = 0,
    repressor_share: float = 0.4,
    depth: float = DEPTH,
    dropout: float = 0.15,
    transcription: _Array | None = None,
    variation: Variation = _AS_IN_THE_DEMO,
) -> "AnnData":
    """Simulate cells whose mRNA follows a random signed network of TFs and targets.

    mRNA and protein of each TF, and mRNA of each target, obey the chemical Langevin equation
    (Gillespie 2000), integrated by Euler–Maruyama with Hill kinetics as in BoolODE (Pratapa
    2020); regulators of one gene combine by product. Every cell is an independent trajectory of
    one of three lineages, stopped at its own time. Two things make the network hard but possible
    to recover: the rate of a TF fluctuates in each cell by itself (Ornstein–Uhlenbeck), while
    lineages and a programme shared by many genes make genes co-vary without regulation.
    Measured counts are Poisson samples of a share of the mRNA, which varies over cells and genes,
    and some are lost altogether (dropout), low ones most.

    Parameters
    ----------
    n_tfs, n_targets, n_cells
        Sizes; genes are the TFs, then the targets. A target has 1–4 regulators; some TFs have one
        or two. TFs are drawn as regulators with weights rank^−0.7, so out-degrees fall off as a
        power of their rank, which is a scale-free law P(k) ∝ k^−2.4 (1 + 1/0.7).
    seed
        The same seed gives the same cells.
    repressor_share
        Probability that an edge represses.
    depth
        Typical share of the mRNA molecules that is captured.
    dropout
        Probability that a gene of typical amount is lost in a cell; up to twice that for less.
    transcription
        Multiplies the rate of every gene in every cell, shape (n_cells, n_genes), such as 0 for a
        knock-out; None: 1.
    variation
        How TFs regulate each other, and what makes cells differ.

    Returns
    -------
    AnnData of float32 CSR counts, cells × genes: `var["is_tf"]`; `obs["time"]` in mRNA lifetimes
    and `obs["lineage"]`; `uns["truth"]`, a table `source`, `target`, `sign` (+1 or −1);
    `uns["organism"]` "simulated".

    Raises
    ------
    InputError
        Fewer than 3 TFs, 1 target or 1 cell; a share, depth or dropout outside its range.

    Examples
    --------
    >>> grn.simulate(n_tfs=3, n_targets=5, n_cells=20).shape
    (20, 8)
    """
    check_settings(n_tfs, n_targets, n_cells, repressor_share, depth, dropout)
    network_rng, cell_rng, count_rng = np.random.default_rng(seed).spawn(3)
    network = draw_network(network_rng, n_tfs, n_targets, repressor_share, variation)
    if transcription is None:
        transcription = np.ones((n_cells, n_tfs + n_targets))
    mrna, time, lineage = trajectories(cell_rng, network, transcription, variation)
    counts = capture(count_rng, mrna, depth, dropout)
    return as_adata(network, counts, time, lineage)


def gene_names(n_tfs: int, n_targets: int) -> list[str]:
    """Return the names that `simulate` gives: the TFs, then the targets."""
    tfs = [f"TF{number:02d}" for number in range(1, n_tfs + 1)]
    return tfs + [f"G{number:03d}" for number in range(1, n_targets + 1)]


def as_adata(network: Network, counts: _Array, time: _Array, lineage: _Indices) -> "AnnData":
    """Name genes and cells and attach the truth."""
    import anndata

    n_cells, n_genes = counts.shape
    n_tfs = network.cooperativity.size
    names = np.array(gene_names(n_tfs, n_genes - n_tfs))
    truth = pd.DataFrame(
        {
            "source": names[network.regulator],
            "target": names[network.target],
            "sign": network.sign,
        }
    )
    return anndata.AnnData(
        X=sp.csr_matrix(counts, dtype=np.float32),
        obs=pd.DataFrame(
            {"time": time, "lineage": lineage},
            index=[f"cell_{i + 1}" for i in range(n_cells)],
        ),
        var=pd.DataFrame({"is_tf": np.arange(n_genes) < n_tfs}, index=names),
        uns={"truth": truth, "organism": "simulated"},
    )


def check_settings(
    n_tfs: int,
    n_targets: int,
    n_cells: int,
    repressor_share: float,
    depth: float,
    dropout: float,
) -> None:
    """Raise on settings that no network or measurement can have."""
    if n_tfs < 3 or n_targets < 1 or n_cells < 1:
        msg = (
            f"got n_tfs={n_tfs}, n_targets={n_targets}, n_cells={n_cells}; expected at least 3 "
            "TFs, 1 target and 1 cell."
        )
        raise InputError(msg)
    for name, value in (("repressor_share", repressor_share), ("dropout", dropout)):
        if not 0.0 <= value <= 1.0:
            msg = f"{name}={value} is not a probability; choose one from 0 to 1."
            raise InputError(msg)
    if not 0.0 < depth <= 1.0:
        msg = f"depth={depth} is no share of the mRNA; choose one above 0, up to 1."
        raise InputError(msg)


def draw_network(
    rng: np.random.Generator,
    n_tfs: int,
    n_targets: int,
    repressor_share: float,
    variation: Variation = _AS_IN_THE_DEMO,
) -> Network:
    """Draw edges and constants such that all amounts at their typical value are a fixed point."""
    n_genes = n_tfs + n_targets
    popularity = rng.permutation(1.0 / np.arange(1, n_tfs + 1) ** variation.rank_exponent)
    pairs: list[tuple[int, int]] = []
    for gene in range(n_genes):
        if gene < n_tfs:
            n_regulators = rng.choice(len(variation.tf_in_degree), p=variation.tf_in_degree)
        else:
            n_regulators = rng.choice(4, p=[0.3, 0.35, 0.25, 0.1]) + 1
        weights = popularity.copy()
        if gene < n_tfs:
            weights[gene] = 0.0
        n_regulators = min(n_regulators, int((weights > 0).sum()))
        chosen = rng.choice(n_tfs, n_regulators, replace=False, p=weights / weights.sum())
        pairs += [(int(tf), gene) for tf in sorted(chosen)]
    regulator, target = np.array(pairs, dtype=np.int64).T
    sign = np.where(rng.random(regulator.size) < repressor_share, -1, 1)
    typical_mrna = rng.lognormal(np.log(20.0), 1.0, n_genes)
    typical_mrna[:n_tfs] = rng.lognormal(np.log(40.0), 0.4, n_tfs)
    network = Network(
        regulator=regulator,
        target=target,
        sign=sign,
        threshold=typical_protein(typical_mrna[regulator]) * rng.uniform(0.7, 1.5, regulator.size),
        cooperativity=rng.integers(2, 5, n_tfs).astype(float),
        typical_mrna=typical_mrna,
        full_rate=np.ones(n_genes),
    )
    share = np.exp(network.log_regulation(typical_protein(typical_mrna[None, :n_tfs])))[0]
    return replace(network, full_rate=typical_mrna / share)


def typical_protein(mrna: _Array) -> _Array:
    """Return the amount of protein at which translation and decay balance."""
    return mrna * _PROTEINS_PER_MRNA / _PROTEIN_DECAY


def trajectories(
    rng: np.random.Generator, network: Network, transcription: _Array, variation: Variation
) -> tuple[_Array, _Array, _Indices]:
    """Integrate every cell up to its own time; return mRNA (n_cells, n_genes), time, lineage."""
    n_cells, n_genes = transcription.shape
    n_tfs = network.cooperativity.size
    time = rng.uniform(0.0, _DURATION, n_cells)
    lineage = rng.integers(0, variation.n_lineages, n_cells)
    drive = rng.normal(0.0, variation.lineage_sd, (variation.n_lineages, n_tfs))[lineage]
    loading = rng.normal(0.0, variation.program_sd, n_genes)
    activity = rng.normal(0.0, variation.activity_sd, (n_cells, n_tfs))
    program = rng.normal(0.0, 1.0, (n_cells, 1))
    mrna = network.typical_mrna * transcription
    protein = typical_protein(mrna[:, :n_tfs])
    n_steps = round((_BURN_IN + _DURATION) / _TIME_STEP)
    for step in range(n_steps):
        # All cells end together, so that a cell stopped early has only waited longer at the start.
        clock = time - (n_steps - step) * _TIME_STEP
        progress = 1.0 / (1.0 + np.exp(-(clock - _DURATION / 2) / (_DURATION / 8)))
        activity = _fluctuate(rng, activity, variation.activity_sd, _ACTIVITY_TIME)
        program = _fluctuate(rng, program, 1.0, _PROGRAM_TIME)
        log_rate = network.log_regulation(protein) + program * loading
        log_rate[:, :n_tfs] += activity + drive * progress[:, None]
        made = network.full_rate * np.exp(log_rate) * transcription
        translated = _PROTEINS_PER_MRNA * mrna[:, :n_tfs]
        mrna = _langevin(rng, mrna, made, mrna)
        protein = _langevin(rng, protein, translated, _PROTEIN_DECAY * protein)
    return mrna, time, lineage


def _fluctuate(rng: np.random.Generator, value: _Array, sd: float, memory: float) -> _Array:
    """Advance an Ornstein–Uhlenbeck process (mean 0, stationary `sd`) by one step, exactly."""
    keep = np.exp(-_TIME_STEP / memory)
    advanced: _Array = keep * value + sd * np.sqrt(1.0 - keep**2) * rng.normal(size=value.shape)
    return advanced


def _langevin(rng: np.random.Generator, amount: _Array, made: _Array, lost: _Array) -> _Array:
    """Advance molecule numbers by one Euler–Maruyama step; births and deaths are both noisy."""
    noise = np.sqrt((made + lost) * _TIME_STEP) * rng.normal(size=amount.shape)
    advanced: _Array = np.maximum(amount + (made - lost) * _TIME_STEP + noise, 0.0)
    return advanced
