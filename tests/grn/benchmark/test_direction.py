import numpy as np
import pandas as pd
import pytest

from grn.benchmark.direction import pool_directions, share_of, summarise_directions

# By method: accuracy on networks x/a and x/b of one collection and y/c of another; two seeds. They
# have 4, 2 and 60 pairs that are true one way; x/d has none.
ACCURACY = {
    "ours": ([0.5, 0.5, 0.75, np.nan], [1.0, 0.5, 0.7, np.nan]),
    "flat": ([0.5, 0.5, 0.5, np.nan], [0.5, 0.5, 0.5, np.nan]),
    "half": ([0.5, 0.5, 0.5, np.nan], [0.25, 0.5, 0.5, np.nan]),
    "wrong": ([0.0, 0.0, 0.2, np.nan], [0.0, 0.0, 0.2, np.nan]),
    "random": ([0.5, 0.5, 0.5, np.nan], [0.5, 0.5, 0.5, np.nan]),
}
NETWORKS = [("one/x", "a", 4), ("one/x", "b", 2), ("two/y", "c", 60), ("one/x", "d", 0)]
KINDS = pd.DataFrame({"kind": ["method"] * 3 + ["control"] * 2}, index=list(ACCURACY))


@pytest.fixture
def values() -> pd.DataFrame:
    rows = [
        [method, dataset, network, seed, value, n]
        for method, by_seed in ACCURACY.items()
        for seed, accuracies in enumerate(by_seed)
        for (dataset, network, n), value in zip(NETWORKS, accuracies, strict=True)
    ]
    columns = ["method", "dataset", "network", "seed", "value", "n_one_way"]
    return pd.DataFrame(rows, columns=columns)


def test_the_interval_is_wilsons() -> None:
    # (p + z²/2n ± z √(p (1 − p) / n + z²/4n²)) / (1 + z²/n) with p = 0.8, n = 10, z = 1.95996.
    assert share_of(8, 10) == pytest.approx((0.8, 0.49016, 0.94331, 10), abs=1e-5)
    assert share_of(2, 10) == pytest.approx((0.2, 1 - 0.94331, 1 - 0.49016, 10), abs=1e-5)
    assert share_of(10, 10).high == 1


def test_a_count_between_two_has_the_wider_ends_of_both() -> None:
    between = share_of(7.5, 10)
    assert between.mean == 0.75
    assert (between.low, between.high) == (share_of(7, 10).low, share_of(8, 10).high)
    # 7/10 as the mean of three seeds is not quite whole in floating point.
    assert share_of((0.7 + 0.7 + 0.7) / 3 * 10, 10) == pytest.approx(share_of(7, 10), abs=1e-12)


def test_pairs_are_pooled_over_networks_and_not_over_seeds(values: pd.DataFrame) -> None:
    pooled = pool_directions(values)
    # x/a: 2 and 4 of 4, x/b: 1 of 2; y/c: 45 and 42 of 60.
    assert pooled.loc["ours", "one"].tolist() == [3 + 1, 6, False]
    assert pooled.loc["ours", "two"].tolist() == pytest.approx([43.5, 60, False])
    assert pooled.loc["wrong", "two"].tolist() == pytest.approx([12, 60, False])
    once = pool_directions(values[values["seed"] == 0])
    assert once["n"].tolist() == pooled["n"].tolist()
    assert "random" not in pooled.index


def test_what_is_the_same_both_ways_everywhere_is_symmetric(values: pd.DataFrame) -> None:
    symmetric = pool_directions(values)["symmetric"]
    assert symmetric["flat"].tolist() == [True, True]
    # One seed of one network differs; in the other collection none does.
    assert symmetric["half"].tolist() == [False, True]


def test_the_table_says_what_excludes_chance_and_on_which_side(values: pd.DataFrame) -> None:
    _, table, said = summarise_directions(values, KINDS)
    lines = table.splitlines()
    assert lines[0] == "| pooled | one | two |"
    # Wilson of 43 and of 44 in 60.
    assert lines[2] == "| ours | 0.667 [0.300, 0.903], n = 6 | 0.725 [0.592, 0.829], n = 60 |"
    assert lines[3] == "| flat | symmetric | symmetric |"
    assert lines[4].endswith("n = 6 | symmetric |")
    assert lines[5].startswith("| *wrong* | 0.000 [0.000, 0.390], n = 6 | 0.200 [")
    assert len(lines) == 6
    assert said == (
        "Chance, 0.5, is excluded by ours on two (above), *wrong* on one (below), *wrong* on two "
        "(below), and by no other."
    )


def test_what_excludes_chance_by_less_than_is_shown_does_not(values: pd.DataFrame) -> None:
    # Wilson of 474 in 887 from 0.5015, of 473 from 0.50036.
    two = values[values["dataset"] == "two/y"].assign(n_one_way=887)
    above = two[two["method"] == "ours"].assign(value=474 / 887)
    assert "ours on two (above)" in summarise_directions(above, KINDS)[-1]
    hardly = above.assign(value=473 / 887)
    assert share_of(473, 887).low > 0.5
    assert "excluded by none" in summarise_directions(hardly, KINDS)[-1]


def test_where_no_interval_excludes_chance_it_says_so(values: pd.DataFrame) -> None:
    fair = values[values["method"].isin(["flat", "half"])]
    assert summarise_directions(fair, KINDS)[-1] == "Chance, 0.5, is excluded by none."
    assert summarise_directions(values[values["network"] == "d"], KINDS) == []


def test_a_method_without_a_collection_has_a_dash_there(values: pd.DataFrame) -> None:
    missing = (values["method"] == "ours") & (values["dataset"] == "two/y")
    _, table, _ = summarise_directions(values[~missing], KINDS)
    assert table.splitlines()[2].endswith("n = 6 | – |")
