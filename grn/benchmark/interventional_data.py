"""Perturbation screens whose network is known: simulated ones, and DREAM4's knock-outs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from grn.benchmark.predict import Cells
from grn.benchmark.regimes import INTERVENTIONAL
from grn.data.preprocessing.prepare import prepare
from grn.data.preprocessing.preprocess import preprocess
from grn.data.reading.read import read_cells
from grn.edges.matrix import adjacency, locate
from grn.edges.read import read_truth
from grn.evaluation.candidates import Candidates
from grn.interventions import DOSES, KNOCK_DOWN, NO_GROUP, Interventions
from grn.simulation.cells import simulate_model
from grn.simulation.models import RANDOM, load_model
from grn.simulation.random_network import N_TARGETS, N_TFS, gene_names

if TYPE_CHECKING:
    from anndata import AnnData

KNOCK_OUTS, WITH_KNOCK_DOWNS = "knock-outs", "with knock-downs"
_DOSES = {**DOSES, "wild type": 0.0}
_CONTROL = "control"


@dataclass(frozen=True)
class Screen:
    """Cells with the genes that were perturbed in them, and the network that judges."""

    cells: Cells
    setting: str
    """What distinguishes it from other screens of the same network, as the tables say it."""
    interventions: Interventions
    judged: Candidates


def simulated_screens(
    model: str, seed: int, settings: Sequence[tuple[int, int]], name: str
) -> Iterator[Screen]:
    """Simulate the knock-outs of a model once, and yield a part of the cells for each setting.

    A smaller screen is a part of a larger one: it has fewer cells of the same groups, or fewer of
    the groups. Which TFs are perturbed first is drawn. All pairs of a TF and a gene are judged.

    Parameters
    ----------
    model
        As `grn.simulate_model` takes it.
    seed
        Of the cells, of a random network, and of the order of the TFs.
    settings
        Cells of each group, the controls among them, and the percentage of the TFs that are
        perturbed, at least one.
    name
        Of the network in the tables.
    """
    if model == RANDOM:
        genes = gene_names(n_tfs=N_TFS, n_targets=N_TARGETS)
        tfs = genes[:N_TFS]
    else:
        genes = tfs = list(load_model(model).rules)
    most = max(n_cells for n_cells, _ in settings)
    order = np.random.default_rng(seed).permutation(tfs).tolist()
    perturbed = {
        percent: order[: max(1, round(len(tfs) * percent / 100))] for _, percent in settings
    }
    knockouts = max(perturbed.values(), key=len)
    cells = simulate_model(model, n_cells=most, seed=seed, knockouts=knockouts)
    judged = _all_pairs(read_truth(cells.uns["truth"]), tfs, genes)
    groups = cells.obs["perturbation"].astype(str).to_numpy()
    number = pd.Series(groups).groupby(groups).cumcount().to_numpy()
    # The amounts of a Boolean model are taken as they are, as in BEELINE's sets.
    steps = partial(preprocess, values="counts" if model == RANDOM else "log")
    for n_cells, percent in settings:
        chosen = np.isin(groups, [_CONTROL, *perturbed[percent]])
        part = cells[(number < n_cells) & chosen].copy()
        adata, kept = prepare(part, tfs, steps)
        setting = f"{n_cells} cells, {percent} %"
        interventions = read_interventions(adata, np.full(adata.n_obs, -1.0))
        on = f"{INTERVENTIONAL}/{name}"
        yield Screen(Cells(on, adata, kept, {}), setting, interventions, judged)


def dream4_screens(folder: Path) -> Iterator[Screen]:
    """Read a network of DREAM4: the wild type with all knock-outs, then with knock-downs too.

    A knock-down halves the transcription of a gene. Every gene may regulate, and all ordered
    pairs are judged, as the challenge counted; the signs of its edges are not published.

    Parameters
    ----------
    folder
        One that `grn.benchmark.knockout_data.find_dream4` returns, with the network beside it.
    """
    cells = read_cells(folder / "expression.h5ad")
    genes = cells.var_names.tolist()
    judged = _all_pairs(read_truth(folder / "edges_gold.csv"), genes, genes)
    for setting in (KNOCK_OUTS, WITH_KNOCK_DOWNS):
        kept = cells.obs["type"] != KNOCK_DOWN
        part = cells[(kept | (setting == WITH_KNOCK_DOWNS)).to_numpy()].copy()
        adata, tfs = prepare(part, None, preprocess)
        dose = adata.obs["type"].astype(str).map(_DOSES).to_numpy()
        name = f"{INTERVENTIONAL}/DREAM4/{folder.name}"
        interventions = read_interventions(adata, dose)
        yield Screen(Cells(name, adata, tfs, {}), setting, interventions, judged)


def read_interventions(adata: "AnnData", dose: np.ndarray) -> Interventions:
    """Read the interventions of cells in which one gene is perturbed, or none.

    Parameters
    ----------
    adata
        `obs["perturbation"]` names the gene, or is `control`. A gene that is not among the genes
        makes the group of its cells unknown.
    dose
        Of every cell; that of the controls does not count.
    """
    names = adata.obs["perturbation"].astype(str).tolist()
    gene = locate(names, adata.var_names)
    is_control = np.array(names) == _CONTROL
    perturbed = (gene >= 0) & ~is_control
    kinds = pd.DataFrame({"gene": gene, "dose": dose})[perturbed].drop_duplicates()
    numbers = {kind: 1 + row for row, kind in enumerate(kinds.itertuples(index=False, name=None))}
    group = np.full(len(names), NO_GROUP)
    group[is_control] = 0
    for cell in np.flatnonzero(perturbed):
        group[cell] = numbers[gene[cell], dose[cell]]
    doses = np.zeros((1 + len(kinds), adata.n_vars), dtype=np.float32)
    doses[np.arange(1, len(doses)), kinds["gene"].astype(int)] = kinds["dose"]
    return Interventions(group, doses)


def _all_pairs(truth: pd.DataFrame, tfs: Sequence[str], genes: Sequence[str]) -> Candidates:
    """Lay out all pairs of a TF and another gene, whether they occur in the truth or not."""
    rows, columns = sorted(tfs), sorted(genes)
    pairs = np.ones((len(rows), len(columns)), dtype=bool)
    pairs[np.arange(len(rows)), locate(rows, columns)] = False
    edges = truth.assign(label=1, sign=truth.get("sign", 0))
    labels, signs = (adjacency(edges, rows, columns, name) for name in ("label", "sign"))
    return Candidates(rows, columns, pairs, (labels == 1) & pairs, signs.astype(int))
