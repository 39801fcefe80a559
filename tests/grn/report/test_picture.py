from base64 import b64decode

from grn.report.picture import heat_map
from tests.toy_runs import toy_edges


def test_the_heat_map_is_a_picture_of_the_page() -> None:
    edges = toy_edges(60, n_tfs=5, n_genes=20)
    # Read as a formula, this name would be an error.
    edges["target"] = edges["target"].replace(edges["target"][0], r"$\nosuch{$")
    address = heat_map(edges)
    assert address is not None
    start, _, picture = address.partition(",")
    assert start == "data:image/png;base64"
    assert b64decode(picture)[:4] == b"\x89PNG"
    assert len(picture) < 300_000


def test_without_edges_there_is_no_picture() -> None:
    assert heat_map(toy_edges(5).head(0)) is None
