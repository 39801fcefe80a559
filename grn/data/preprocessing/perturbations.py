"""Labels of perturbed cells: which genes are perturbed in which cell, and how."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grn.data.preprocessing.cell_states import column
from grn.data.preprocessing.perturbation_kinds import check_kind, find_kinds
from grn.data.preprocessing.perturbation_names import Reading, is_called, read_names
from grn.data.preprocessing.perturbation_report import log_perturbations
from grn.data.preprocessing.perturbed_obs import (
    CONTROL,
    UNKNOWN,
    as_interventions,
    name_perturbation,
)
from grn.errors import InputError
from grn.interventions import KNOCK_OUT, Interventions
from grn.names.regulators import hint

if TYPE_CHECKING:
    from jaxtyping import Bool

logger = logging.getLogger(__name__)

_N_EXAMPLES = 5
_EXPECTED = (
    "Expected a gene (JUN), several (FOS+JUN), a guide (JUN_1, sgJUN-2), a control (control, "
    "NT_1, non-targeting, or --control NAME), or unknown"
)


@dataclass(frozen=True)
class Perturbations:
    """What the labels of perturbed cells say."""

    key: str
    """The column of obs."""
    of_cell: "pd.Series[Any]"
    """Name of the perturbation of every cell, such as `FOS+JUN knock-out`; `control`; `unknown`.
    The index is that of obs."""
    table: pd.DataFrame
    """By the name of the perturbation, the controls first, then those of most cells: `genes`,
    `kind`, `n_cells`, `labels`, and `measured`, whether all its genes are measured."""
    measured: list[str]
    """The perturbed genes that are measured, in alphabetical order."""
    unmeasured: list[str]
    """The other perturbed genes."""
    kinds_from: str
    """What says the kinds: `given`, `labels`, `column NAME`, or `assumed`."""

    def interventions(self, genes: Collection[str]) -> Interventions | None:
        """Return the perturbations as arrays, None where no perturbed gene is among `genes`."""
        return as_interventions(self.of_cell, genes)


def read_perturbations(
    obs: pd.DataFrame,
    key: str,
    genes: Collection[str],
    *,
    control: str | None = None,
    kind: str | None = None,
    aliases: Mapping[str, str] | None = None,
) -> Perturbations:
    """Read which genes are perturbed in which cells, and log what was understood.

    Parameters
    ----------
    obs
        Annotations of the cells.
    key
        Column with one label per cell (docs/formats.md lists the forms of labels).
    genes
        Measured genes.
    control
        Label of the controls, beside the usual words.
    kind
        `knock-out`, `knock-down` or `activation`; None: labels (`JUN_KO`) or another column of
        `obs` say it, and where none does, a knock-out is assumed, with a warning.
    aliases
        Other names of genes, each with the name it stands for.

    Raises
    ------
    InputError
        There is no such column, cells have no label, a label is not understood, there is no such
        kind or control, or the labels do not tell perturbed cells from others.

    Examples
    --------
    >>> import pandas as pd
    >>> obs = pd.DataFrame({"guide": ["NT_1", "sgJUN-2", "JUN_1"], "modality": ["-", "KO", "KO"]})
    >>> found = read_perturbations(obs, "guide", ["FOS", "JUN"], kind="knock-out")
    >>> found.table["n_cells"].to_dict()
    {'control': 1, 'JUN knock-out': 2}
    >>> found.interventions(["FOS", "JUN"]).group
    array([0, 1, 1])
    """
    check_kind(kind)
    labels = column(obs, key, "--perturbations")
    _check_labelled(labels, key)
    sizes = labels.value_counts()
    readings = read_names(sizes.index, genes, aliases=aliases, control=control)
    _check_read(key, sizes, readings)
    if control is not None:
        _check_control(key, control, sizes, readings)
    perturbed = labels.map({label: bool(read.genes) for label, read in readings.items()})
    by_label = labels.map({label: read.kind for label, read in readings.items()})
    kinds, kinds_from = _kinds(obs, key, kind, by_label, perturbed.to_numpy(bool))
    cells = pd.DataFrame({"label": labels, "kind": kinds})
    table, names = _tabulate(cells, readings, set(genes))
    _check_contrast(key, table)
    of_cell = pd.Series(pd.Categorical(names, table.index), obs.index)
    perturbed_genes = sorted({gene for read in readings.values() for gene in read.genes})
    there = set(genes)
    found = Perturbations(
        key,
        of_cell,
        table,
        [gene for gene in perturbed_genes if gene in there],
        [gene for gene in perturbed_genes if gene not in there],
        kinds_from,
    )
    log_perturbations(found, hint(found.unmeasured, genes) if found.unmeasured else "")
    return found


def _tabulate(
    cells: pd.DataFrame, readings: Mapping[str, Reading], measured: Collection[str]
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the table of perturbations, and the name of each cell's perturbation."""
    rows = []
    for label, kind in cells.drop_duplicates().itertuples(index=False):
        genes = readings[label].genes
        name = name_perturbation(genes, kind) if genes else UNKNOWN
        name = CONTROL if readings[label].is_control else name
        rows.append((label, kind, name, genes))
    read = pd.DataFrame(rows, columns=["label", "kind", "name", "genes"])
    names = cells.merge(read, how="left", on=["label", "kind"])["name"]
    grouped = read.groupby("name", sort=False)
    table = grouped.agg(genes=("genes", "first"), kind=("kind", "first"), labels=("label", list))
    table["n_cells"] = names.value_counts()
    table["measured"] = [all(gene in measured for gene in genes) for genes in table["genes"]]
    order = table.assign(is_control=table.index == CONTROL).sort_values(
        ["is_control", "n_cells"], ascending=False, kind="stable"
    )
    return table.loc[order.index], names.to_numpy()


def _kinds(
    obs: pd.DataFrame,
    key: str,
    given: str | None,
    by_label: "pd.Series[Any]",
    perturbed: "Bool[np.ndarray, ' n_cells']",
) -> "tuple[pd.Series[Any], str]":
    """Return the kind of every cell's perturbation, empty without one, and what says it."""
    if given is not None:
        differ = int((perturbed & by_label.notna() & (by_label != given)).sum())
        if differ:
            logger.warning(
                "--perturbation-kind %s is taken for all cells, though labels of %s say another "
                "kind for %d of them",
                *(given, key, differ),
            )
        return pd.Series(np.where(perturbed, given, ""), obs.index), "given"
    unsaid = perturbed & by_label.isna().to_numpy()
    kinds = by_label.where(perturbed, "")
    if perturbed.any() and not unsaid.any():
        return kinds, "labels"
    found = find_kinds(obs, key, unsaid)
    if found is None:
        return kinds.where(~unsaid, KNOCK_OUT), "assumed"
    return kinds.where(~unsaid, found[1]), f"column {found[0]}"


def _check_labelled(labels: "pd.Series[Any]", key: str) -> None:
    missing = labels.isna() | (labels.astype(str).str.strip() == "")
    if missing.any():
        msg = (
            f"--perturbations {key}: {int(missing.sum())} of {len(labels)} cells have no label. "
            "If these are controls, or cells whose perturbation is not known, say so "
            f'(adata.obs["{key}"] = adata.obs["{key}"].astype(object).fillna("unknown"), or '
            f'"control"), or leave them out (adata[adata.obs["{key}"].notna()]).'
        )
        raise InputError(msg)


def _check_read(key: str, sizes: "pd.Series[int]", readings: Mapping[str, Reading]) -> None:
    unread = [label for label in sizes.index if label not in readings]
    if not unread:
        return
    said = ", ".join(f"{label!r} ({sizes[label]} cells)" for label in unread[:_N_EXAMPLES])
    understood = ", ".join(repr(label) for label in list(readings)[:_N_EXAMPLES]) or "none"
    joined = any("_" in label for label in unread)
    msg = (
        f"--perturbations {key}: {len(unread)} of {len(sizes)} labels are not understood: {said}"
        f"{', …' if len(unread) > _N_EXAMPLES else ''} (understood: {understood}). {_EXPECTED}. "
        f'Rename them (adata.obs["{key}"] = adata.obs["{key}"].astype(str).replace({{"OLD": '
        '"NEW"})'
        f"{', with + between two genes' if joined else ''}), or name another column."
    )
    raise InputError(msg)


def _check_control(
    key: str, control: str, sizes: "pd.Series[int]", readings: Mapping[str, Reading]
) -> None:
    """Make sure that some label has the name given for the controls, as it is or numbered."""
    controls = [label for label, read in readings.items() if read.is_control]
    if not any(is_called(label, control) for label in controls):
        frequent = ", ".join(map(repr, sizes.index[:_N_EXAMPLES]))
        msg = (
            f"--control {control}: no cell has this label in {key}. Its most frequent labels: "
            f"{frequent}."
        )
        raise InputError(msg)


def _check_contrast(key: str, table: pd.DataFrame) -> None:
    """Make sure that some cells are perturbed, and not all of those that are known alike."""
    if sum(table.index != UNKNOWN) == 1 or not any(table["genes"]):
        shown = ", ".join(table.index)
        msg = (
            f"--perturbations {key}: all {table['n_cells'].sum()} cells are {shown}; expected "
            "cells that were perturbed, and others that were not, or in another way. Leave "
            "--perturbations out, or name another column."
        )
        raise InputError(msg)
