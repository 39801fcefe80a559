from pathlib import Path

import numpy as np
import pytest

from grn.data.preprocessing.labels import Labels
from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from grn.inference.differences import Resampled, check_bootstraps, resample_groups
from grn.inference.networks import Networks
from grn.simulation.contexts import simulate_contexts
from tests.helpers import fast_config

UNUSED = Path("unused")
LABELS = Labels("group", np.repeat([0, 1, 2], [30, 40, 5]), ["a", "b", "c"])
DONORS = Labels("donor", np.arange(75) % 3, ["x", "y", "z"])


def test_cells_of_the_group_are_drawn_with_replacement() -> None:
    rows = np.arange(50, 90)
    drawn = Resampled(rows, None, np.random.default_rng(0)).draw(400)
    assert len(drawn) == 400
    assert set(drawn) == set(rows)


def test_a_drawn_donor_comes_with_cells_of_its_own_alone() -> None:
    donors = np.repeat([0, 1, 2, 3], 10)
    sample = Resampled(np.arange(40), donors, np.random.default_rng(0))
    of_draws = [np.unique(sample.draw(200) // 10) for _ in range(30)]
    # Four donors drawn with replacement: seldom all of them, as cells would be.
    assert min(map(len, of_draws)) <= 2
    assert {donor for draw in of_draws for donor in draw} == {0, 1, 2, 3}


def test_the_rest_is_every_other_cell() -> None:
    group, rest = resample_groups(LABELS, "a", None, None, 0)
    assert (group.size, rest.size) == (30, 45)
    assert set(rest.draw(1000)) == set(range(30, 75))


@pytest.mark.parametrize(
    ("group", "reference", "donors", "message"),
    [
        ("d", "a", None, "no group 'd' in group. Groups: a, b, c."),
        ("a", "a", None, "a is compared with itself"),
        ("a", "c", None, "c has 5 cells; expected at least 20"),
        ("a", "b", Labels("donor", LABELS.codes, [*"abc"]), "all cells of a are of one donor"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    group: str, reference: str, donors: Labels | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        resample_groups(LABELS, group, reference, donors, 0)


def test_few_bootstraps_are_refused() -> None:
    with pytest.raises(InputError, match="got 4 bootstraps; expected at least 5"):
        check_bootstraps(4)


@pytest.mark.slow
def test_differing_edges_come_first_and_permuted_labels_give_none() -> None:
    adata = simulate_contexts(sizes=(400, 400), n_tfs=6, n_targets=14, differing=0.7, seed=1)
    truth = adata.uns["truth"]
    cells, tfs = preprocess(adata), adata.var_names[:6].tolist()
    config = fast_config(UNUSED, "data.groupby=group")
    table = Networks(config, cells, tfs).differences(
        "group_1", "group_2", n_bootstraps=12, replicate=None
    )
    known = [
        {*zip(part["source"], part["target"], strict=True)} for _, part in truth.groupby("group")
    ]
    differs = [
        pair in (known[0] ^ known[1])
        for pair in zip(table["source"], table["target"], strict=True)
    ]
    assert np.mean(differs[:15]) > 1.5 * np.mean(differs)
    # Of four permutations, one at most may have discoveries at an FDR of 5 %.
    generator, n_with_discoveries, p_values = np.random.default_rng(1), 0, []
    permuted = cells.copy()
    for config.seed in range(4):
        permuted.obs["group"] = generator.permutation(cells.obs["group"])
        null = Networks(config, permuted, tfs).differences(
            "group_1", "group_2", n_bootstraps=12, replicate=None
        )
        n_with_discoveries += bool((null["fdr"] < 0.05).any())
        p_values += null["p_value"].tolist()
    assert n_with_discoveries <= 1
    assert np.mean(np.array(p_values) < 0.05) < 0.075
