import numpy as np
import pandas as pd
import pytest
from hydra.utils import instantiate

from grn.benchmark.regimes import SPLITS, Regimes, read_regimes, split_network
from grn.config import compose_config
from grn.edges.read import read_truth
from grn.errors import InputError
from grn.simulation.random_network import simulate
from grn.supervised.genelink import genelink_split
from tests.helpers import tfs_of

DATASETS = {"beeline/toy": ("all", "half"), "dream4/other": ("gold",)}
TOY = {"beeline/toy": ("half",)}


@pytest.fixture(autouse=True)
def _library(library: object) -> None:
    """Work on the toy data sets."""


def test_regimes_are_read_by_name() -> None:
    asked = ["supervised/unseen_tf", "unsupervised", "supervised/genelink", "supervised/unseen_tf"]
    assert read_regimes(asked, DATASETS) == Regimes(True, ("unseen_tf", "genelink"), ())
    assert read_regimes(["prior_guided/all"], TOY) == Regimes(False, (), ("all",))
    assert read_regimes(["contexts"], TOY) == Regimes(False, (), (), contexts=True)
    assert read_regimes(["interventional"], TOY) == Regimes(False, (), (), interventional=True)


def test_networks_per_group_alone_read_no_data_set() -> None:
    assert not read_regimes(["contexts"], {}).read_datasets
    assert not read_regimes(["interventional"], {}).read_datasets
    for other in ("unsupervised", "supervised/unseen_tf", "prior_guided/all"):
        assert read_regimes(["contexts", other], TOY).read_datasets


@pytest.mark.parametrize(
    "name", ["supervised", "supervised/", "supervised/unseen", "prior_guided/", "both_seen", ""]
)
def test_an_unknown_regime_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(InputError) as refused:
        read_regimes([name], DATASETS)
    for part in (repr(name), "unsupervised", "contexts", "prior_guided/NETWORK", *SPLITS):
        assert part in str(refused.value)


@pytest.mark.parametrize(
    ("prior", "datasets", "message"),
    [
        ("STRING", TOY, "beeline/toy has no network 'STRING'. Available: all, half"),
        ("all", DATASETS, "dream4/other has no network 'all'. Available: gold"),
        ("half", TOY, "no other network of beeline/toy .* available: beeline/toy/all"),
        ("gold", {"dream4/other": ("gold",)}, "no other network of dream4/other .* none"),
    ],
)
def test_a_prior_that_is_not_there_or_has_no_judge_is_refused(
    prior: str, datasets: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_regimes([f"prior_guided/{prior}"], datasets)


@pytest.fixture(scope="module")
def network() -> tuple[pd.DataFrame, list[str], list[str]]:
    adata = simulate(n_tfs=8, n_targets=30, n_cells=5, seed=0)
    return read_truth(adata.uns["truth"]), tfs_of(adata), list(adata.var_names)


@pytest.mark.parametrize("name", SPLITS)
def test_a_split_is_that_of_a_run(
    name: str, network: tuple[pd.DataFrame, list[str], list[str]]
) -> None:
    truth, *names = network
    choice = {"genelink_published": ("genelink", "split.defects=true")}
    choice |= {"genelink_hard": ("genelink", "split.hard=true")}
    chosen, *settings = choice.get(name, (name,))
    config = compose_config(
        ["paths=folder", "objective=supervised", f"split={chosen}", "seed=3", *settings]
    )
    split = instantiate(config.split)
    expected = split(truth, *names) if split.func is genelink_split else split(truth)
    found = split_network(name, truth, *names, seed=3)
    for part in ("training", "validation", "test"):
        ours, theirs = getattr(found, part), getattr(expected, part)
        assert (ours.tfs, ours.genes) == (theirs.tfs, theirs.genes)
        assert np.array_equal(ours.pairs, theirs.pairs)
        assert np.array_equal(ours.labels, theirs.labels)


def test_no_two_splits_are_the_same(network: tuple[pd.DataFrame, list[str], list[str]]) -> None:
    tests = {split_network(name, *network, seed=0).test.pairs.tobytes() for name in SPLITS}
    assert len(tests) == len(SPLITS)
