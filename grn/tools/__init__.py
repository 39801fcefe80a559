"""Tools on a network: activity, drivers, specificity, differences, knock-outs; also `grn.tl`."""

from grn.tools.activity import activity
from grn.tools.differential import differential_edges
from grn.tools.knock_out import knock_out
from grn.tools.neighbours import regulators_of, targets_of
from grn.tools.regulators import rank_regulators
from grn.tools.specificity import specificity

__all__ = [
    "activity",
    "differential_edges",
    "knock_out",
    "rank_regulators",
    "regulators_of",
    "specificity",
    "targets_of",
]
