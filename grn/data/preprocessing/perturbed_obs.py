"""The perturbation of every preprocessed cell: a column of obs, and as arrays."""

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grn.interventions import DOSES, NO_GROUP, Interventions
from grn.names.symbols import first_of

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.data.preprocessing.perturbations import Perturbations

logger = logging.getLogger(__name__)

PERTURBATION = "grn_perturbation"
"""Column of obs with the name of the perturbation of every cell, such as `FOS+JUN knock-out`."""
CONTROL, UNKNOWN = "control", "unknown"
"""Names of the other cells: the controls, and those whose perturbation is not known."""
SUMMARY = "grn_perturbations"
"""Entry of uns that says what was understood."""


def name_perturbation(genes: Collection[str], kind: str) -> str:
    """Return the name of a perturbation, as the column `grn_perturbation` holds it."""
    return f"{'+'.join(genes)} {kind}"


def as_interventions(of_cell: "pd.Series[Any]", genes: Collection[str]) -> Interventions | None:
    """Return the perturbations of some cells as arrays.

    Cells in which a gene is perturbed that is not among `genes` are in no group: what differs in
    them may be due to that gene.

    Parameters
    ----------
    of_cell
        The name of the perturbation of every cell.
    genes
        The genes, in order.

    Returns
    -------
    None where no cell is in a group other than the controls.

    Examples
    --------
    >>> import pandas as pd
    >>> of_cell = pd.Series(["control", "JUN knock-out", "ATF3+JUN knock-out"])
    >>> as_interventions(of_cell, ["FOS", "JUN"]).group
    array([ 0,  1, -1])
    """
    names = of_cell.astype("category").cat.remove_unused_categories().cat
    place = {gene: number for number, gene in enumerate(genes)}
    doses = [np.zeros(len(place), np.float32)]
    groups = []
    for name in names.categories:
        joined, _, kind = str(name).rpartition(" ")
        perturbed = joined.split("+")
        if kind in DOSES and all(gene in place for gene in perturbed):
            dose = np.zeros(len(place), np.float32)
            dose[[place[gene] for gene in perturbed]] = DOSES[kind]
            groups.append(len(doses))
            doses.append(dose)
        else:
            groups.append(0 if name == CONTROL else NO_GROUP)
    if len(doses) == 1:
        return None
    # The last one is for cells without an entry, whose code is −1.
    group = np.array([*groups, NO_GROUP])[names.codes.to_numpy()]
    return Interventions(group, np.stack(doses))


def interventions_of(adata: "AnnData") -> Interventions | None:
    """Return the perturbations of preprocessed cells as arrays, None where there are none.

    Parameters
    ----------
    adata
        Cells that `annotate` has labelled; others have none.
    """
    if PERTURBATION not in adata.obs:
        return None
    return as_interventions(adata.obs[PERTURBATION], adata.var_names)


def annotate(adata: "AnnData", perturbations: "Perturbations | None") -> None:
    """Write what was understood of the labels into `obs` and `uns` of preprocessed cells.

    Logs which perturbed genes preprocessing has removed. What the result of another run says of
    its cells is removed, for these labels were not asked for now.

    Parameters
    ----------
    adata
        All or some of the cells whose labels were read; changed in place.
    perturbations
        From `read_perturbations`; None: nothing is written.
    """
    adata.obs = adata.obs.drop(columns=PERTURBATION, errors="ignore")
    adata.uns.pop(SUMMARY, None)
    if perturbations is None:
        return
    of_cell = perturbations.of_cell.loc[adata.obs_names]
    adata.obs[PERTURBATION] = of_cell.cat.remove_unused_categories()
    there = set(adata.var_names)
    removed = [gene for gene in perturbations.measured if gene not in there]
    interventions = interventions_of(adata)
    if removed:
        logger.warning(
            "%d perturbed gene(s) were removed in preprocessing, for they hardly vary over all "
            "cells or were filtered out: %s. The cells in which they are perturbed count as "
            "neither perturbed nor control%s",
            *(len(removed), first_of(removed)),
            "" if interventions else "; no perturbed gene is left: the labels are not used",
        )
    if interventions is not None and not interventions.can_compare:
        logger.warning(
            "all cells whose perturbation is known and measured are perturbed alike, so there is "
            "nothing to compare them with: the labels are not used. Controls would be needed"
        )
    adata.uns[SUMMARY] = _summary(adata, perturbations, interventions, removed)


def _summary(
    adata: "AnnData",
    perturbations: "Perturbations",
    interventions: Interventions | None,
    removed: list[str],
) -> dict[str, Any]:
    """Return what metrics.json and `uns` say of the perturbations of the cells that are left."""
    of_cell = adata.obs[PERTURBATION].astype(str)
    kinds = of_cell.str.rpartition(" ")[2].value_counts()
    n_perturbed = 0 if interventions is None else int((interventions.group > 0).sum())
    n_controls = int((of_cell == CONTROL).sum())
    return {
        "key": perturbations.key,
        "kinds": {kind: int(kinds[kind]) for kind in DOSES if kind in kinds},
        "kinds_from": perturbations.kinds_from,
        "n_perturbed_genes": 0 if interventions is None else len(interventions.perturbed_genes),
        "n_perturbed_cells": n_perturbed,
        "n_control_cells": n_controls,
        "n_other_cells": adata.n_obs - n_perturbed - n_controls,
        "unmeasured_genes": perturbations.unmeasured,
        "removed_genes": removed,
    }


def describe_perturbations(adata: "AnnData") -> dict[str, Any] | None:
    """Return what was understood of the labels of the cells; None where there are none."""
    summary: dict[str, Any] | None = adata.uns.get(SUMMARY)
    return summary
