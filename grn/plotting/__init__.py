"""Pictures of networks and of how well they are recovered; each function returns its axes."""

from grn.plotting.attention import attention
from grn.plotting.network import network
from grn.plotting.precision_recall import precision_recall

__all__ = ["attention", "network", "precision_recall"]
