"""Simulate cells of a named model, with perturbations, measurement and the truth."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grn.errors import InputError
from grn.simulation.boolean_rules import edges_of
from grn.simulation.kinetics import simulate_trajectories
from grn.simulation.measurement import count, drop_out
from grn.simulation.models import RANDOM, BooleanModel, load_model
from grn.simulation.perturbations import CONTROL, rate_factors
from grn.simulation.random_network import DEPTH, N_TARGETS, N_TFS, gene_names, simulate

if TYPE_CHECKING:
    from anndata import AnnData

_RANDOM_CITATION = "grn.simulation.random_network, kinetics as in BoolODE (Pratapa et al. 2020)"


def simulate_model(
    model: str,
    *,
    n_cells: int = 2000,
    seed: int = 0,
    dropout: float = 0.0,
    depth: float | None = None,
    knockouts: Iterable[str] = (),
    knockdowns: Mapping[str, float] | None = None,
    n_tfs: int | None = None,
    n_targets: int | None = None,
) -> "AnnData":
    """Simulate cells whose regulation is known.

    Parameters
    ----------
    model
        A Boolean model (`mCAD`, `VSC`, `HSC`, `GSD`, `dyn-LI`, `dyn-LL`, `dyn-CY`, `dyn-BF`,
        `dyn-BFC`, `dyn-TF`), or `random`: a random signed network.
    n_cells
        Cells of every group: the controls and each perturbation.
    seed
        The same seed gives the same cells, and for `random` the same network.
    dropout
        BEELINE's rule for a Boolean model: values below this quantile of their gene are lost with
        this probability. For `random`, the probability that a gene of typical amount is lost.
    depth
        Counts per unit of mRNA, Poisson around a lognormal library size. None: a Boolean model
        gives the amounts themselves, as BEELINE has them; `random` gives counts at depth 0.06.
    knockouts, knockdowns
        Genes not transcribed, and genes transcribed at a factor between 0 and 1. Each gives a
        group of cells beside the controls, in which the initial amount is changed likewise.
    n_tfs, n_targets
        Sizes of `random`, 12 and 88 by default.

    Returns
    -------
    AnnData, float32, cells × genes. `obs`: `time` (mean lifetimes of a protein; of an mRNA for
    `random`), `branch` (from 1), `perturbation` (`control` or the gene). `var["is_tf"]`: every
    gene of a Boolean model can regulate. `uns`: `truth` (`source`, `target`, `sign`, with
    self-loops), `model`, `citation`, `parameters`, `organism` ("simulated") and, for a Boolean
    model, `surviving`: the share of trajectories of each group that did not die out.

    Raises
    ------
    InputError
        No such model or gene, or a number outside its range.

    Examples
    --------
    >>> cells = grn.simulate_model("dyn-CY", n_cells=10, knockouts=["g1"])
    >>> cells.obs["perturbation"].value_counts().to_dict()
    {'control': 10, 'g1': 10}
    """
    _check(model, n_cells, seed, dropout, depth, n_tfs, n_targets)
    settings: dict[str, Any] = {"n_cells": n_cells, "seed": seed, "dropout": dropout}
    if model == RANDOM:
        sizes = {
            "n_tfs": N_TFS if n_tfs is None else n_tfs,
            "n_targets": N_TARGETS if n_targets is None else n_targets,
        }
        groups = rate_factors(gene_names(**sizes), knockouts, knockdowns)
        settings |= sizes | {"depth": DEPTH if depth is None else depth}
        adata = _random_cells(groups, **settings)
        citation = _RANDOM_CITATION
    else:
        rules = load_model(model)
        groups = rate_factors(list(rules.rules), knockouts, knockdowns)
        settings |= {"time": rules.time} | ({} if depth is None else {"depth": depth})
        adata = _boolean_cells(rules, groups, n_cells, seed, dropout, depth)
        citation = rules.citation
    names = list(groups)
    adata.obs["perturbation"] = pd.Categorical(np.repeat(names, n_cells), categories=names)
    factors = {gene: float(factor.min()) for gene, factor in groups.items() if gene != CONTROL}
    adata.uns |= {"model": model, "citation": citation, "organism": "simulated"}
    adata.uns["parameters"] = settings | {"perturbations": factors}
    return adata


def _check(
    model: str,
    n_cells: int,
    seed: int,
    dropout: float,
    depth: float | None,
    n_tfs: int | None,
    n_targets: int | None,
) -> None:
    """Raise on numbers that no simulation can have."""
    if n_cells < 1 or seed < 0:
        msg = f"n_cells={n_cells}, seed={seed}; expected at least 1 cell and a seed of at least 0."
        raise InputError(msg)
    if not 0.0 <= dropout <= 1.0:
        msg = f"dropout={dropout} is not a probability; choose one from 0 to 1."
        raise InputError(msg)
    if depth is not None and not depth > 0.0:
        msg = f"depth={depth} counts nothing; choose counts per unit of mRNA above 0."
        raise InputError(msg)
    if model != RANDOM and (n_tfs, n_targets) != (None, None):
        msg = (
            f"{model} is a fixed network; the numbers of TFs and targets can be chosen for "
            f"{RANDOM!r} alone. Leave them out."
        )
        raise InputError(msg)


def _boolean_cells(
    model: BooleanModel,
    groups: dict[str, Any],
    n_cells: int,
    seed: int,
    dropout: float,
    depth: float | None,
) -> "AnnData":
    """Simulate every group, find the branches and measure."""
    import anndata

    cell_rng, measure_rng = np.random.default_rng(seed).spawn(2)
    drawn = [simulate_trajectories(model, g, n_cells, cell_rng) for g in groups.values()]
    amounts = drop_out(measure_rng, np.concatenate([part.mrna for part in drawn]), dropout)
    if depth is not None:
        amounts = count(measure_rng, amounts, depth)
    branch = _branches([part.history for part in drawn], model.branches, seed)
    time = np.concatenate([part.time for part in drawn])
    surviving = {name: part.surviving for name, part in zip(groups, drawn, strict=True)}
    return anndata.AnnData(
        X=amounts.astype(np.float32),
        obs=pd.DataFrame({"time": time, "branch": branch}, index=_cell_names(len(time))),
        var=pd.DataFrame({"is_tf": True}, index=list(model.rules)),
        uns={"truth": edges_of(model.rules), "surviving": surviving},
    )


def _branches(histories: list[Any], n_branches: int, seed: int) -> Any:
    """Tell fates apart by k-means of whole trajectories, as BoolODE does; those of the controls.

    Cells of a perturbation get the branch of the controls that is nearest.
    """
    controls, *_ = flat = [history.reshape(len(history), -1) for history in histories]
    n_branches = min(n_branches, len(controls))
    if n_branches == 1:
        return np.ones(sum(map(len, flat)), dtype=int)
    from sklearn.cluster import KMeans

    clusters = KMeans(n_branches, n_init=10, random_state=seed % 2**32).fit(controls)
    return np.concatenate([clusters.predict(group) for group in flat]).astype(int) + 1


def _random_cells(groups: dict[str, Any], n_cells: int, **settings: Any) -> "AnnData":
    """Simulate all groups over one random network."""
    transcription = np.repeat(np.stack(list(groups.values())), n_cells, axis=0)
    adata = simulate(n_cells=len(transcription), transcription=transcription, **settings)
    adata.X = adata.X.toarray()
    adata.obs = pd.DataFrame(
        {"time": adata.obs["time"], "branch": adata.obs["lineage"] + 1}, index=adata.obs_names
    )
    return adata


def _cell_names(n_cells: int) -> list[str]:
    return [f"cell_{number}" for number in range(1, n_cells + 1)]
