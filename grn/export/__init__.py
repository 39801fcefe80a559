"""Writes networks to files, each whole or not at all."""

from grn.export.check import check_writable
from grn.export.edges import write_edges, write_edges_by_group
from grn.export.formats import write_adjacencies, write_graphml, write_regulons
from grn.export.network import network_adata, write_network

__all__ = [
    "check_writable",
    "network_adata",
    "write_adjacencies",
    "write_edges",
    "write_edges_by_group",
    "write_graphml",
    "write_network",
    "write_regulons",
]
