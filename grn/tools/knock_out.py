"""Predicts what happens to all genes when some regulators are knocked out or over-expressed."""

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from grn.data.preprocessing.labels import Labels, read_labels
from grn.edges.matrix import locate
from grn.errors import InputError
from grn.names.symbols import first_of
from grn.tools.perturbed_cells import PerturbedCells
from grn.tools.propagation import N_STEPS, fit_regression, propagate

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.estimator import SphericalGRN

logger = logging.getLogger(__name__)

ALL_CELLS = "all"
_HOW_FAR_TO_TRUST = (
    "on simulated knock-outs such responses are as right as correlation with the perturbed gene, "
    "and on one of two DREAM4 networks the mean response to other knock-outs is closer "
    "(docs/benchmarks.md): take them for hypotheses"
)
# Both limit the time and were chosen by hand: the regression is fitted to a random sample of
# cells, and the covariance matrix of the regulators is decomposed.
_MOST_CELLS = 5000
_MOST_REGULATORS = 5000


def knock_out(
    model: "SphericalGRN | AnnData",
    genes: str | Iterable[str] | Mapping[str, float],
    *,
    overexpress: bool = False,
    groupby: str | None = None,
    group: str | None = None,
) -> pd.DataFrame:
    """Predict the response of every gene to a knock-out or an over-expression of regulators.

    Every gene is regressed on the regulators, with the network as what is believed beforehand
    (`grn.tools.propagation.fit_regression`); the change of the perturbed genes passes through
    these coefficients until it settles (`grn.tools.propagation.propagate`). Nothing has to be
    trained.

    How far to trust it (docs/benchmarks.md, "In-silico knock-outs"): in simulated cells signs and
    ranks are those of the mere correlation with the perturbed gene, no better; in steady states
    of DREAM4 the ranks are better than those of correlation. The mean response to all other
    knock-outs, where these were measured, is worse in simulated cells, and closer to the truth
    than this in one of two DREAM4 networks.

    Parameters
    ----------
    model
        A network with its cells: the model, or what `SphericalGRN.to_adata` returns and a run
        folder holds as network.h5ad.
    genes
        One regulator or several that are perturbed together; or a value of log expression for
        each, to which it is set.
    overexpress
        Set the genes to their 0.99 quantile in the cells that express them, instead of to 0.
    groupby
        Column of `obs`: one response per group of cells, the mean over its cells. Groups differ
        in how much a perturbed gene changes and in how far others can; the coefficients are those
        of all cells. None: the column by which the network was found, where there is one.
    group
        The only group to return.

    Returns
    -------
    One row per group and gene, the perturbed ones first, then the largest response first:
    `gene`; `group` (`all` without groups); `response` in standard deviations of the gene, of
    √(log expression) over all cells; `response_log`, the mean change of log expression;
    `sign` (1, −1, or 0 where nothing reaches the gene); `perturbed`.

    Raises
    ------
    InputError
        A gene is none or regulates nothing, a value is below 0, there is no network or no
        expression in the cells, or no such group.

    Examples
    --------
    >>> adata = grn.simulate(n_tfs=4, n_targets=12, n_cells=60)
    >>> model = grn.SphericalGRN(adata, tfs=["TF01", "TF02", "TF03", "TF04"])
    >>> response = grn.tl.knock_out(model, "TF01")
    >>> response.loc[0, ["gene", "sign", "perturbed"]].astype(str).tolist()
    ['TF01', '-1', 'True']
    """
    network = _with_network(model)
    asked = _asked(genes, overexpress)
    regulators = np.flatnonzero(network.varp["grn"].getnnz(axis=1))
    _check_genes(list(asked), network, regulators)
    labels = _labels(network, groupby, group)
    cells = PerturbedCells.read(network, labels, asked)
    rows = np.random.default_rng(0).permutation(len(cells.dataset))[:_MOST_CELLS]
    weights = network.varp["grn"][regulators].toarray().astype(float)
    regression = fit_regression(cells.standardised(np.sort(rows)), regulators, weights)
    found = propagate(
        regression.coefficients, regulators, cells.perturbed, cells.shift, cells.bounds
    )
    if not found.settled:
        logger.warning("the response did not settle in %d steps; it was ended there", N_STEPS)
    logger.info(
        "%s: %d regulators, penalty %.3g, settled after %d steps",
        *(", ".join(asked), len(regulators), regression.penalty, found.n_steps),
    )
    logger.info(_HOW_FAR_TO_TRUST)
    return _table(cells, found.response, None if group is None else labels.names.index(group))


def _with_network(model: Any) -> "AnnData":
    """Return the cells with the network of a model, or those that already hold one."""
    network: AnnData = model.to_adata() if hasattr(model, "to_adata") else model
    if "grn" not in getattr(network, "varp", {}):
        msg = (
            f"got a {type(model).__name__} without varp['grn']; expected a SphericalGRN, what its "
            "to_adata() returns, or network.h5ad of a run folder."
        )
        raise InputError(msg)
    if network.X is None:
        msg = (
            "the network comes without the expression of its cells, which were read from disk. "
            "Load the model with them: grn.SphericalGRN.load(CHECKPOINT, adata)."
        )
        raise InputError(msg)
    return network


def _asked(genes: Any, overexpress: bool) -> dict[str, float | None]:
    """Return the perturbed genes with the value of each; None where it follows from the cells."""
    asked: dict[str, float | None]
    if isinstance(genes, Mapping):
        if overexpress:
            msg = "got values of the genes and overexpress=True; expected one of them."
            raise InputError(msg)
        wrong = [f"{gene}={value}" for gene, value in genes.items() if not 0 <= value < np.inf]
        if wrong:
            msg = f"{first_of(wrong)}: expected values of log expression, at least 0 and finite."
            raise InputError(msg)
        asked = {str(gene): float(value) for gene, value in genes.items()}
    else:
        names = [genes] if isinstance(genes, str) else list(genes)
        asked = dict.fromkeys(map(str, names), None if overexpress else 0.0)
    if not asked:
        msg = "no gene to perturb; expected at least one regulator of the network."
        raise InputError(msg)
    return asked


def _check_genes(
    names: list[str], network: "AnnData", regulators: Int[np.ndarray, " n_tfs"]
) -> None:
    """Make sure that the genes are regulators of the network, and not too many of them."""
    places, of_network = locate(names, network.var_names), network.var_names[regulators]
    unknown = [name for name, place in zip(names, places, strict=True) if place < 0]
    if unknown:
        msg = (
            f"{first_of(unknown)}: no gene of this network of {network.n_vars} genes, such as "
            f"{first_of(network.var_names.tolist())}. Check the spelling, and the case."
        )
        raise InputError(msg)
    passive = [name for name in names if name not in set(of_network)]
    if passive:
        msg = (
            f"{first_of(passive)}: regulates no gene of this network, so nothing can respond. "
            f"Expected one of its {len(regulators)} regulators, such as "
            f"{first_of(of_network.tolist())}."
        )
        raise InputError(msg)
    if len(regulators) > _MOST_REGULATORS:
        msg = (
            f"the network has {len(regulators)} regulators; a knock-out takes at most "
            f"{_MOST_REGULATORS}. Find the network with a list of TFs."
        )
        raise InputError(msg)


def _labels(network: "AnnData", groupby: str | None, group: str | None) -> Labels:
    """Return the group of every cell; one for all of them without a column."""
    recorded = network.uns.get("grn", {}).get("groupby")
    if groupby is None and recorded in network.obs:
        groupby = recorded
    if groupby is None:
        if group is not None:
            msg = f"got the group {group} without groupby: name the column of obs that has it."
            raise InputError(msg)
        return Labels("", np.zeros(network.n_obs, dtype=np.int64), [ALL_CELLS])
    labels = read_labels(network.obs, groupby, "groupby")
    if group is not None and group not in labels.names:
        msg = f"{groupby} has no group {group}; expected one of: {', '.join(labels.names)}."
        raise InputError(msg)
    return labels


def _table(
    cells: PerturbedCells, response: Float[np.ndarray, "n_groups n_genes"], only: int | None
) -> pd.DataFrame:
    """Lay the responses out, the perturbed genes of each group first."""
    names, genes = cells.labels.names, np.asarray(cells.dataset.genes, dtype=object)
    in_log, perturbed, parts = cells.log_response(response), cells.perturbed, []
    for k in range(len(names)) if only is None else [only]:
        order = np.lexsort((genes, -np.abs(response[k]), ~perturbed))
        columns = {
            "gene": genes,
            "group": names[k],
            "response": response[k],
            "response_log": in_log[k],
            "sign": np.sign(response[k]).astype(int),
            "perturbed": perturbed,
        }
        parts.append(pd.DataFrame(columns).iloc[order])
    return pd.concat(parts, ignore_index=True)
