import logging

import numpy as np
import pytest

from grn.data.preprocessing.steps import Steps, enough_cells
from grn.errors import InputError


def first(n: int, of: int) -> np.ndarray:
    return np.arange(of) < n


def test_steps_add_up_and_say_what_they_removed(caplog):
    steps = Steps(50, 9)
    with caplog.at_level(logging.INFO, logger="grn"):
        steps.keep_cells("min_genes", first(40, 50), min_genes=3)
        steps.keep_cells("states", ~first(10, 50), state_key="day", states=None, seed=0)
        steps.keep_genes("min_cells", first(8, 9), min_cells=2)
        assert steps.drop_constant(~first(2, 9)) == 2
    assert (steps.cells.sum(), steps.genes.sum()) == (30, 6)
    assert list(steps.taken.items()) == [
        ("min_genes", {"min_genes": 3, "removed_cells": 10}),
        ("states", {"state_key": "day", "seed": 0, "removed_cells": 10}),
        ("min_cells", {"min_cells": 2, "removed_genes": 1}),
        ("constant_genes", {"removed_genes": 2}),
    ]
    assert [record.message for record in caplog.records] == [
        "min_genes=3: removed 10 of 50 cells",
        "state_key=day, seed=0: removed 10 of 40 cells",
        "min_cells=2: removed 1 of 9 genes",
        "dropped 2 gene(s) with the same value in every cell",
    ]


def test_too_little_left_names_step_and_setting():
    steps = Steps(50, 9)
    with pytest.raises(
        InputError, match=r"preprocess\.min_genes=9 leaves 19 of 50 cells; at l.*20"
    ):
        steps.keep_cells("min_genes", first(19, 50), min_genes=9)
    with pytest.raises(InputError, match=r"preprocess\.min_cells=7 leaves 4 of 9 genes; .*5"):
        steps.keep_genes("min_cells", first(4, 9), min_cells=7)
    with pytest.raises(InputError, match="only 4 of 9 genes vary over the 50 cells"):
        steps.drop_constant(first(4, 9))
    assert steps.taken == {}


def test_nothing_constant_is_no_step():
    steps = Steps(50, 9)
    assert steps.drop_constant(first(9, 9)) == 0
    assert steps.taken == {}


@pytest.mark.parametrize(("n_cells", "expected"), [(20, 3), (225, 3), (384, 4), (3000, 11)])
def test_the_least_number_of_cells_grows_with_their_number(n_cells, expected):
    assert enough_cells(n_cells) == expected


def test_rare_genes_go_unless_too_few_are_left():
    steps = Steps(50, 9)
    seen = np.array([0, 1, 2, 3, 50, 50, 50, 50, 50])
    steps.drop_rare(seen, 3)
    assert steps.genes.tolist() == [True, False, False, *[True] * 6]
    assert steps.taken == {"rare_genes": {"min_cells": 3, "removed_genes": 2}}
    with pytest.raises(InputError, match=r"fewer than 51 of 50 cells.*preprocess\.min_cells=null"):
        Steps(50, 9).drop_rare(seen, 51)
