import numpy as np
import pandas as pd
import pytest

from grn.data.preprocessing.cell_states import choose_cells, column
from grn.errors import InputError

OFF = {"states": None, "cells_per_state": None, "seed": 0}


@pytest.fixture
def obs() -> pd.DataFrame:
    """60 cells of HSC, 12 of B, 5 of T, 3 without a state, mixed."""
    names = np.array(["HSC"] * 60 + ["B"] * 12 + ["T"] * 5 + [None] * 3, dtype=object)
    return pd.DataFrame({"state": np.random.default_rng(1).permutation(names), "n": 1})


def counted(obs: pd.DataFrame, chosen: np.ndarray) -> dict[str, int]:
    return obs["state"][chosen].astype(object).value_counts(dropna=False).to_dict()


def test_no_key_keeps_every_cell(obs):
    assert choose_cells(obs, None, **OFF).all()


@pytest.mark.parametrize("kind", ["object", "category", "string"])
def test_chosen_states(obs, kind):
    obs["state"] = obs["state"].astype(kind)
    chosen = choose_cells(obs, "state", **{**OFF, "states": ["T", "B"]})
    assert counted(obs, chosen) == {"B": 12, "T": 5}


def test_at_most_so_many_of_each_state_drawn_with_the_seed(obs):
    draws = [
        choose_cells(obs, "state", states=None, cells_per_state=7, seed=seed) for seed in (0, 0, 1)
    ]
    assert counted(obs, draws[0]) == {"HSC": 7, "B": 7, "T": 5}
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()
    both = choose_cells(obs, "state", states=["T", "HSC"], cells_per_state=7, seed=0)
    assert counted(obs, both) == {"HSC": 7, "T": 5}


def test_the_order_in_which_states_are_named_changes_nothing(obs):
    first, second = (
        choose_cells(obs, "state", states=states, cells_per_state=4, seed=0)
        for states in (["B", "HSC"], ["HSC", "B"])
    )
    np.testing.assert_array_equal(first, second)


def test_numbers_are_states_too(obs):
    obs["cluster"] = np.arange(80) % 4
    assert choose_cells(obs, "cluster", **{**OFF, "states": ["3"]}).sum() == 20


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"states": ["T", "NK"]}, r"no cell is in NK\. States in state: B, HSC, T\."),
        ({"states": []}, r"no cell is in an empty list\. States in state: B, HSC, T\."),
        ({}, r"preprocess\.state_key=state alone chooses nothing\. Set preprocess\.states"),
        ({"states": ["T"], "state_key": None}, r"need preprocess\.state_key"),
        ({"cells_per_state": 3, "state_key": None}, r"need preprocess\.state_key"),
        ({"states": ["T"], "state_key": "day"}, r"state_key=day: .* columns: state, n\."),
    ],
)
def test_what_chooses_nothing_is_refused(obs, settings, message):
    key = settings.pop("state_key", "state")
    with pytest.raises(InputError, match=message):
        choose_cells(obs, key, **{**OFF, **settings})


def test_column_keeps_what_is_missing(obs):
    found = column(obs, "state", "preprocess.batch_key")
    assert found.isna().sum() == 3
    with pytest.raises(InputError, match=r"preprocess.batch_key=day.*Existing columns: none"):
        column(obs[[]], "day", "preprocess.batch_key")
