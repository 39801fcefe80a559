"""Halves of held-out cells compared with the settings of a finished run."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from grn.config import NO_FOLDER, compose_config
from grn.data.preprocessing.perturbed_obs import PERTURBATION, annotate
from grn.errors import InputError, first_line
from grn.inference.halves import split_halves
from grn.inference.networks import LABELS, perturbations_of
from grn.inference.prior import read_prior
from grn.names.symbols import read_aliases
from grn.runs.held_out import FinishedRun

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def compare_halves(
    adata: "AnnData", tfs: Collection[str], run: FinishedRun | None = None, *, seed: int = 0
) -> "pd.DataFrame":
    """Find networks of random halves of cells as a run found its own, and compare them.

    Parameters
    ----------
    adata
        From `grn.runs.held_out.read_held_out`.
    tfs
        Regulators; those that are not among the genes are left out.
    run
        Its transformer, number of cells, prior and labels of perturbations are used; None: the
        default.
    seed
        Of the halves.

    Returns
    -------
    As `grn.inference.halves.split_halves` does.

    Raises
    ------
    InputError
        The run was supervised, has settings of another version, no regulator is there, or labels
        of perturbations that the run used are missing.
    """
    config = compose_config(NO_FOLDER)
    settings: dict[str, Any] = {} if run is None else run.settings
    if settings.get("split") is not None:
        msg = (
            "halves of the cells say nothing of a supervised run: known edges decide what it "
            "finds, not the cells alone. Leave --halves out."
        )
        raise InputError(msg)
    try:
        config.model = OmegaConf.merge(config.model, settings.get("model") or {})
    except OmegaConfBaseException as error:
        msg = (
            f"the run was made by another version of grn ({first_line(error)}). "
            "Leave --halves out."
        )
        raise InputError(msg) from error
    config.seed = seed
    labels = settings.get("data") or {}
    config.data.update({key: labels.get(key) for key in LABELS})
    if PERTURBATION not in adata.obs:
        annotate(adata, perturbations_of(config, adata))
    prior = settings.get("prior")
    if prior is not None:
        aliases = labels.get("aliases")
        prior = read_prior(
            prior,
            adata.var_names,
            species=labels.get("tfs"),
            aliases=None if aliases is None else read_aliases(aliases),
        )
    wanted = set(tfs)
    regulators = [gene for gene in adata.var_names if gene in wanted]
    return split_halves(config, adata, regulators, prior)
