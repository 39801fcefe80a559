"""The methods of a benchmark: what each computes, what it draws and which code decides it."""

import hashlib
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grn.benchmark.ours import (
    beyond_background,
    prior_guided,
    read_settings,
    read_supervised_settings,
    ridge_profiles,
    spherical,
    supervised,
    untrained,
)
from grn.benchmark.peers import PEERS
from grn.evaluation.controls import Scores, target_mean, tf_variance
from grn.network import locate

if TYPE_CHECKING:
    from anndata import AnnData

METHOD, CONTROL = "method", "control"
OURS = "spherical"


@dataclass(frozen=True)
class Method:
    """One way to score every pair of a TF and a gene."""

    name: str
    kind: str
    """`METHOD`, or `CONTROL`: what a method must beat."""
    function: Callable[..., Scores]
    """Called with preprocessed cells, the names of the TFs, `seed` and settings; and with
    `left_out` where it has such a parameter."""
    parameters: frozenset[str]
    """Settings that the function takes."""
    seeded: bool
    """Whether the seed changes anything; if not, one run counts for every seed."""
    sources: tuple[str, ...]
    """Modules and packages whose code decides the result."""
    needs: tuple[str, ...] = ()
    """Distributions whose release decides the result; without them the method is skipped."""
    configured: Callable[[], str] = str
    """What the result depends on besides: settings that are kept in files."""

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
        for file in sorted(file for source in self.sources for file in _files(source)):
            digest.update(file.read_bytes())
        for name in self.needs:
            digest.update(f"{name} {_installed(name)}".encode())
        return digest.hexdigest()


def _installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _files(source: str) -> list[Path]:
    """Return the file of a module, or all of a package, trained parameters among them."""
    spec = find_spec(source)
    if spec is None or spec.origin is None:
        msg = f"no module {source!r}"
        raise ValueError(msg)
    file = Path(spec.origin)
    if file.name != "__init__.py":
        return [file]
    return sorted(part for part in file.parent.rglob("*") if part.suffix in {".py", ".pt"})


def _of_arrays(
    name: str, score: Callable[..., Scores], *sources: str, kind: str = METHOD, **facts: Any
) -> Method:
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

    seeded = facts.pop("seeded", False)
    return Method(name, kind, function, parameters, seeded, (*sources, "grn.moments"), **facts)


def _peer(name: str, *sources: str, **facts: Any) -> Method:
    return _of_arrays(name, PEERS[name], *sources, **facts)


_SOURCES = (
    *("grn.benchmark.ours", "grn.model", "grn.readout", "grn.data.dataset", "grn.moments"),
    *("grn.training.infer", "grn.training.prior", "flashsign"),
)
_TRAINED = (
    *(*_SOURCES, "grn.data.datamodule", "grn.evaluation.metrics"),
    *("grn.training.fit", "grn.training.module", "grn.training.objectives"),
    *("grn.training.supervised", "grn.training.lessons"),
)
_CONTROLS = "grn.evaluation.controls"
_PEERS = "grn.benchmark.peers"
_DENSE = f"{_PEERS}.dense"

METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        _peer("pearson", _CONTROLS),
        _peer("spearman", f"{_PEERS}.correlation", _DENSE, _CONTROLS),
        _peer("spearman_double_centred", f"{_PEERS}.correlation", _DENSE),
        _peer("closed_form", "grn.evaluation.closed_form"),
        _peer("closed_form_max", "grn.evaluation.closed_form"),
        Method(
            "ridge_profiles", METHOD, ridge_profiles, frozenset(), True, _SOURCES, ("torch",),
            read_settings,
        ),
        Method(
            "beyond_background", METHOD, beyond_background, frozenset(), True, _SOURCES,
            ("torch",), read_settings,
        ),
        _peer("pidc", f"{_PEERS}.information", _DENSE),
        Method(
            OURS, METHOD, spherical, frozenset({"overrides"}), True, _SOURCES, ("torch",),
            read_settings,
        ),
        _peer("grnboost2", f"{_PEERS}.trees", _DENSE, seeded=True, needs=("scikit-learn",)),
        _peer("genie3", f"{_PEERS}.trees", _DENSE, seeded=True, needs=("scikit-learn",)),
        _peer(
            "regdiffusion", f"{_PEERS}.diffusion", _DENSE, seeded=True,
            needs=("regdiffusion", "jsonpickle", "pyvis", "torch"),
        ),
    )
}  # fmt: skip
"""What can be asked for, by name; from fast to slow."""

CONTROLS: tuple[Method, ...] = (
    Method(
        "untrained", CONTROL, untrained, frozenset(), True, _SOURCES, ("torch",), read_settings
    ),
    _of_arrays("target_mean", target_mean, _CONTROLS, kind=CONTROL),
    _of_arrays("tf_variance", tf_variance, _CONTROLS, kind=CONTROL),
)
"""What stands in every table; the random ranking, which needs no cells, comes when judged."""

TRAINED_ON_EDGES = Method(
    OURS, METHOD, supervised, frozenset({"overrides"}), True, _TRAINED, ("torch",),
    read_supervised_settings,
)  # fmt: skip
"""Ours where part of a network is known; its function is also given the `split`."""

GUIDED_BY_PRIOR = Method(
    OURS, METHOD, prior_guided, frozenset({"overrides"}), True, _SOURCES, ("torch",),
    read_settings,
)  # fmt: skip
"""Ours where another network is known; its function is also given the `prior`."""
