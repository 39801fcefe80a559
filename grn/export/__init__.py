"""Writes networks to files, each whole or not at all."""

from grn.export.base_network import base_network, write_base_network
from grn.export.check import check_writable
from grn.export.cx2 import write_cx2
from grn.export.edges import write_edges, write_edges_by_group
from grn.export.formats import write_adjacencies, write_graphml, write_regulons
from grn.export.network import network_adata, write_network
from grn.export.r import write_csv
from grn.export.result_page import write_result_page

__all__ = [
    "base_network",
    "check_writable",
    "network_adata",
    "write_adjacencies",
    "write_base_network",
    "write_csv",
    "write_cx2",
    "write_edges",
    "write_edges_by_group",
    "write_graphml",
    "write_network",
    "write_regulons",
    "write_result_page",
]
