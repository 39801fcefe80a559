"""The methods of a benchmark: their functions, settings, and the code that decides results."""

import hashlib
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from grn.benchmark.ours import (
    beyond_background,
    cells_of,
    interventional,
    partial_pooling,
    pooled_centred,
    prior_guided,
    read_settings,
    read_supervised_settings,
    ridge_profiles,
    spherical,
    supervised,
    untrained,
)
from grn.benchmark.peers import PEERS
from grn.benchmark.peers.dense import dense
from grn.benchmark.peers.interventions import boosted_means, mean_difference
from grn.benchmark.sources import source_files
from grn.edges.matrix import locate
from grn.evaluation.controls import target_mean, tf_variance
from grn.evaluation.scores import Scores
from grn.interventions import Interventions

if TYPE_CHECKING:
    from anndata import AnnData

METHOD, CONTROL = "method", "control"
OURS = "spherical"


@dataclass(frozen=True)
class Method:
    """One way to score every pair of a TF and a gene."""

    name: str
    kind: str
    """`METHOD`, or `CONTROL` for baselines."""
    function: Callable[..., Scores]
    """Called with preprocessed cells, the names of the TFs, `seed` and settings; and with
    `left_out` where it has such a parameter."""
    parameters: frozenset[str]
    """Settings that the function takes."""
    seeded: bool
    """Whether the method is random; if not, one run counts for every seed."""
    module: str
    """Module with the code that decides the result, together with all that it imports."""
    needs: tuple[str, ...] = ()
    """Distributions whose release decides the result; without them the method is skipped."""
    configured: Callable[[], str] = str
    """Settings in files on which the result depends too."""

    @property
    def by_group(self) -> bool:
        """Whether the function is given `group`, the one of which it returns the network."""
        return "group" in inspect.signature(self.function).parameters

    @property
    def knows_interventions(self) -> bool:
        """Whether the function is given `interventions`: which genes were perturbed where."""
        return "interventions" in inspect.signature(self.function).parameters

    @property
    def leaves_out(self) -> bool:
        """Whether the function is given `left_out`: the study that measured the cells, or None.

        What it learned from real networks beforehand must then be without that study.
        """
        return "left_out" in inspect.signature(self.function).parameters

    def missing(self) -> list[str]:
        """Return the distributions it needs that are not installed."""
        return [name for name in self.needs if _installed(name) is None]

    def fingerprint(self) -> str:
        """Digest the code, the releases and the configuration that decide the result."""
        digest = hashlib.sha256(self.configured().encode())
        for file in source_files(self.module):
            digest.update(file.read_bytes())
        for name in self.needs:
            digest.update(f"{name} {_installed(name)}".encode())
        return digest.hexdigest()


def _installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _of_arrays(name: str, score: Callable[..., Scores], **facts: Any) -> Method:
    """Describe a function of expression and columns of the TFs."""
    parameters = frozenset(inspect.signature(score).parameters) - {
        *("expression", "tf_index", "seed")
    }
    takes_seed = "seed" in inspect.signature(score).parameters

    def function(
        adata: "AnnData", tfs: Collection[str], *, seed: int, **settings: object
    ) -> Scores:
        if takes_seed:
            settings["seed"] = seed
        return score(adata.X, locate(tfs, adata.var_names), **settings)

    plain = inspect.unwrap(score)
    module = (plain.func if isinstance(plain, partial) else plain).__module__
    described = {"kind": METHOD, "seeded": False, **facts}
    return Method(name=name, function=function, parameters=parameters, module=module, **described)


def _ours(name: str, function: Callable[..., Scores], *settings: str, **facts: Any) -> Method:
    """Describe a function of cells and names of the TFs that applies our model."""
    described = {"kind": METHOD, "configured": read_settings, "needs": ("torch",), **facts}
    return Method(
        name=name,
        function=function,
        parameters=frozenset(settings),
        seeded=True,
        module=function.__module__,
        **described,
    )


def _alone(name: str, method: Method, **facts: Any) -> Method:
    """Describe a method that is applied to the cells of one group."""

    def function(adata: "AnnData", tfs: Collection[str], *, seed: int, group: str) -> Scores:
        return method.function(cells_of(adata, group), tfs, seed=seed)

    return replace(method, name=name, function=function, **facts)


def _of_interventions(name: str, score: Callable[..., Scores], **facts: Any) -> Method:
    """Describe a function of √(log expression), interventions and columns of the TFs."""

    def function(
        adata: "AnnData", tfs: Collection[str], *, seed: int, interventions: Interventions
    ) -> Scores:
        drawn = {"seed": seed} if described["seeded"] else {}
        index = locate(tfs, adata.var_names)
        return score(np.sqrt(dense(adata.X)), interventions, index, **drawn)

    described = {"kind": METHOD, "seeded": False, **facts}
    return Method(
        name=name,
        function=function,
        parameters=frozenset(),
        module=score.__module__,
        **described,
    )


METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        _of_arrays("pearson", PEERS["pearson"]),
        _of_arrays("spearman", PEERS["spearman"]),
        _of_arrays("spearman_double_centred", PEERS["spearman_double_centred"]),
        _of_arrays("closed_form", PEERS["closed_form"]),
        _of_arrays("closed_form_max", PEERS["closed_form_max"]),
        _ours("ridge_profiles", ridge_profiles),
        _ours("beyond_background", beyond_background),
        _of_arrays("pidc", PEERS["pidc"]),
        _ours(OURS, spherical, "overrides"),
        _of_arrays("grnboost2", PEERS["grnboost2"], seeded=True, needs=("scikit-learn",)),
        _of_arrays("genie3", PEERS["genie3"], seeded=True, needs=("scikit-learn",)),
        _of_arrays(
            "regdiffusion",
            PEERS["regdiffusion"],
            seeded=True,
            needs=("regdiffusion", "jsonpickle", "pyvis", "torch"),
        ),
    )
}
"""All methods by name, from fast to slow."""

CONTROLS: tuple[Method, ...] = (
    _ours("untrained", untrained, kind=CONTROL),
    _of_arrays("target_mean", target_mean, kind=CONTROL),
    _of_arrays("tf_variance", tf_variance, kind=CONTROL),
)
"""Controls of every table; the random ranking, which needs no cells, is added at evaluation."""

TRAINED_ON_EDGES = _ours(OURS, supervised, "overrides", configured=read_supervised_settings)
"""Our method if part of a network is known; its function also gets the `split`."""

GUIDED_BY_PRIOR = _ours(OURS, prior_guided, "overrides")
"""Our method if another network is known; its function also gets the `prior`."""

CONTEXT_METHODS: tuple[Method, ...] = (
    _ours("partial_pooling", partial_pooling),
    _ours("pooled", spherical),
    _ours("pooled_centred", pooled_centred),
    _alone("alone", METHODS[OURS]),
    _alone("grnboost2_alone", METHODS["grnboost2"]),
    _alone("pearson_alone", METHODS["pearson"], kind=CONTROL),
)
"""Methods of the table of networks per group: from all cells, or from the cells of each group."""

INTERVENTIONAL_METHODS: tuple[Method, ...] = (
    _ours(OURS, interventional, "overrides"),
    _of_interventions("boosted_means", boosted_means, seeded=True, needs=("scikit-learn",)),
    _ours("without_labels", spherical, kind=CONTROL),
    _of_interventions("mean_difference", mean_difference, kind=CONTROL),
    replace(METHODS["pearson"], kind=CONTROL),
    _of_arrays("tf_variance", tf_variance, kind=CONTROL),
)
"""Methods of the table of cells whose perturbations are known, which controls are not told."""
