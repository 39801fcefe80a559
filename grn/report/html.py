"""Puts a report together: one HTML file that holds all it needs and loads nothing."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from grn.plotting.style import ACTIVATION, REPRESSION
from grn.report import facts, tables, vendored
from grn.report.folder import RunFiles
from grn.report.network import N_EDGES, pack
from grn.report.picture import activity_map, heat_map
from grn.version import VERSION

_CITE = (
    "Abbott et al. 2025, arXiv 2505.09326 (spherical attention, FlashSign)",
    "Pratapa et al. 2020, Nature Methods 17:147 (BEELINE: protocol of evaluation)",
)


_N_ACTIVE = 5  # regulators of each group; as many as fit on a screen with ten groups


def render(run: RunFiles) -> str:
    """Return the page as text."""
    environment = Environment(
        loader=PackageLoader("grn.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page: str = environment.get_template("report.html").render(_contents(run))
    return page


def _contents(run: RunFiles) -> dict[str, Any]:
    return {
        "name": run.name,
        "data": run.record.get("data", run.name),
        "summary": facts.summary(run),
        "warnings": facts.warnings(run),
        "facts": facts.data_facts(run),
        "provenance": facts.provenance(run),
        "accuracy": tables.accuracy(run.record),
        "prediction": tables.prediction(run.record),
        "groups": tables.groups(run.record),
        "n_edges": len(run.edges),
        "n_shown": min(N_EDGES, len(run.edges)),
        "network": pack(run.edges, run.by_group),
        "heat_map": heat_map(run.edges),
        "activity": tables.activity(run.activity, _N_ACTIVE),
        "activity_map": None if run.activity is None else activity_map(run.activity, _N_ACTIVE),
        "activity_by": "" if run.activity is None else ", ".join(run.activity["groupby"].unique()),
        "config": run.config,
        "cite": [*_CITE, f"spherical-grn {VERSION}, BSD-3-Clause"],
        "activation": ACTIVATION,
        "repression": REPRESSION,
        "graph_script": vendored.graph_script(),
        "table_module": vendored.table_module(),
        "table_style": vendored.table_style(),
    }
