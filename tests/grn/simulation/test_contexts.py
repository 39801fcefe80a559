"""Groups of cells: what they share, what differs, and that it can be seen in the cells."""

import re
from typing import Any

import numpy as np
import pytest
from anndata import AnnData

from grn.errors import InputError
from grn.simulation import contexts as module
from grn.simulation.contexts import simulate_contexts
from grn.simulation.random_network import draw_network, typical_protein

SIZES = (23, 11, 5)


@pytest.fixture(scope="module")
def adata() -> AnnData:
    return simulate_contexts(sizes=SIZES, n_tfs=7, n_targets=13, seed=3)


def test_cells_genes_and_labels_are_as_asked(adata: AnnData) -> None:
    assert adata.shape == (39, 20)
    assert adata.X.dtype == np.float32
    assert (np.round(adata.X) == adata.X).all()
    group = adata.obs["group"]
    assert group.cat.categories.tolist() == ["group_1", "group_2", "group_3"]
    assert group.value_counts().loc[group.cat.categories].tolist() == list(SIZES)
    assert adata.var["is_tf"].sum() == 7
    assert adata.uns["truth"].columns.tolist() == ["group", "source", "target", "sign"]
    assert adata.uns["organism"] == "simulated"
    assert adata.uns["parameters"]["sizes"] == list(SIZES)


def test_the_seed_decides_everything(adata: AnnData) -> None:
    again = simulate_contexts(sizes=SIZES, n_tfs=7, n_targets=13, seed=3)
    np.testing.assert_array_equal(again.X, adata.X)
    assert again.uns["truth"].equals(adata.uns["truth"])
    other = simulate_contexts(sizes=SIZES, n_tfs=7, n_targets=13, seed=4)
    assert not np.array_equal(other.X, adata.X)


@pytest.mark.parametrize("differing", [0.0, 1 / 3, 1.0])
def test_the_share_of_edges_that_differ(differing: float) -> None:
    truth = simulate_contexts(
        sizes=(2, 2, 2, 2), n_tfs=10, n_targets=50, differing=differing, seed=1
    ).uns["truth"]
    by_edge = truth.groupby(["source", "target"])
    n_groups = by_edge.size()
    assert (n_groups < 4).mean() == pytest.approx(differing, abs=0.01)
    assert (by_edge["sign"].nunique() == 1).all()
    if differing:
        assert set(n_groups) >= {1, 2, 3}  # from one group only to all but one


def test_an_edge_that_is_absent_has_a_constant_effect() -> None:
    network = draw_network(np.random.default_rng(5), 6, 9, 0.4)
    n_edges = network.sign.size
    present = np.array([[True] * n_edges, [False] * n_edges])
    shared = {name: getattr(network, name) for name in network.__dataclass_fields__}
    contexts = module._Contexts(**shared, present=present)
    protein = np.random.default_rng(0).lognormal(4.0, 1.0, (1, 6)).repeat(2, axis=0)
    effects = contexts.log_effects(protein)
    np.testing.assert_allclose(effects[0], network.log_effects(protein)[0])
    typical = typical_protein(network.typical_mrna[None, :6])
    np.testing.assert_allclose(effects[1], network.log_effects(typical)[0])
    # Typical amounts are a fixed point in every group, so that means do not tell the edges.
    made = network.full_rate * np.exp(contexts.log_regulation(typical.repeat(2, axis=0)))
    np.testing.assert_allclose(made, [network.typical_mrna] * 2)


def test_edges_show_in_the_groups_that_have_them() -> None:
    """Within a group, the correlation has the sign of the edge, and next to none without it."""
    adata = simulate_contexts(
        sizes=(500, 500), n_tfs=8, n_targets=30, differing=1.0, depth=1.0, dropout=0.0, seed=2
    )
    logs = np.log1p(adata.X)
    truth = adata.uns["truth"]
    found: dict[bool, list[float]] = {True: [], False: []}
    for name in ("group_1", "group_2"):
        correlation = np.corrcoef(logs[adata.obs["group"] == name], rowvar=False)
        for edge in truth.itertuples():
            pair = adata.var_names.get_indexer([edge.source, edge.target])
            found[edge.group == name].append(edge.sign * correlation[tuple(pair)])
    assert np.mean(found[True]) > 0.25
    assert np.mean(found[True]) > 2 * np.mean(found[False])


def test_levels_of_tfs_differ_between_groups() -> None:
    adata = simulate_contexts(
        sizes=(200, 200), n_tfs=12, n_targets=12, differing=0.0, depth=1.0, dropout=0.0, seed=0
    )
    logs = np.log1p(adata.X)
    first = (adata.obs["group"] == "group_1").to_numpy()
    shift = logs[first].mean(axis=0) - logs[~first].mean(axis=0)
    assert shift[:12].std() > 0.5
    assert shift[:12].std() > shift[12:].std()  # targets only follow


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sizes": (30,)}, "sizes=[30] and seed=0; expected the numbers of cells of at least two"),
        ({"sizes": (30, 0)}, "each of at least 1 cell"),
        ({"seed": -1}, "a seed of at least 0"),
        ({"differing": 1.5}, "differing=1.5 is no share of the edges"),
        ({"n_tfs": 2}, "expected at least 3 TFs"),
        ({"depth": 0.0}, "depth=0.0 is no share of the mRNA"),
        ({"dropout": 2.0}, "dropout=2.0 is not a probability"),
    ],
)
def test_what_cannot_be_simulated_is_said(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        simulate_contexts(**wrong)
