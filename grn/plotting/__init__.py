"""Pictures of networks and of how well they are recovered; each function returns its axes."""

from grn.plotting.activity import activity
from grn.plotting.attention import attention
from grn.plotting.differential_edges import differential_edges
from grn.plotting.knock_out import knock_out
from grn.plotting.network import network
from grn.plotting.precision_recall import precision_recall
from grn.plotting.specificity import specificity

__all__ = [
    "activity",
    "attention",
    "differential_edges",
    "knock_out",
    "network",
    "precision_recall",
    "specificity",
]
