"""Makes the cells of a `SphericalGRN` ready: its arguments are checked, its labels are read."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from grn.data.datasets.tf_lists import read_tf_list
from grn.data.preprocessing.perturbed_obs import annotate
from grn.data.preprocessing.prepare import prepare
from grn.data.preprocessing.preprocess import preprocess
from grn.data.reading.layers import select_layer
from grn.inference.arguments import check_adata, check_aliases, name_list
from grn.inference.networks import group_labels, perturbations_of

if TYPE_CHECKING:
    from anndata import AnnData


def prepare_labelled(
    config: DictConfig,
    adata: "AnnData",
    tfs: Iterable[str] | str | Path | None,
    layer: str | None,
    aliases: Mapping[str, str] | None,
) -> tuple["AnnData", list[str]]:
    """Read labels and names, and preprocess the cells with the default settings.

    What can be wrong with names and labels raises before the time is spent on preprocessing.

    Parameters
    ----------
    config
        `data` says which columns of `obs` hold groups and perturbations.
    adata, tfs, layer, aliases
        As `grn.SphericalGRN` takes them.

    Returns
    -------
    The preprocessed cells, with their perturbations in `obs`, and the regulators among the genes.

    Raises
    ------
    InputError
        As `grn.SphericalGRN`.
    """
    check_adata(adata)
    group_labels(config, adata)
    listed = read_tf_list(tfs) if isinstance(tfs, str | Path) else name_list(tfs)
    other_names = check_aliases(aliases)
    selected = select_layer(adata, layer)
    perturbations = perturbations_of(config, selected, other_names)
    cells, regulators = prepare(selected, listed, preprocess, aliases=other_names)
    annotate(cells, perturbations)
    return cells, regulators
