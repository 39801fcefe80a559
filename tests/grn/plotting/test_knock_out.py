import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from grn.errors import InputError
from grn.plotting.knock_out import knock_out
from grn.plotting.style import ACTIVATION, REPRESSION

plt.switch_backend("Agg")
GENES = ["KO", "a", "b", "c"]
TABLE = pd.DataFrame({"gene": GENES, "response": [-9.0, 0.5, -2.0, 0.1]})


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_the_strongest_responses_are_bars_up_above_down():
    ax = knock_out(TABLE, top=3)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "KO"]
    assert [bar.get_width() for bar in ax.patches] == [0.5, -2.0, -9.0]
    colours = [to_hex(bar.get_facecolor()).upper() for bar in ax.patches]
    assert colours == [ACTIVATION, REPRESSION, REPRESSION]


def test_what_was_perturbed_is_left_out():
    ax = knock_out(TABLE.assign(perturbed=[True, False, False, False], group="all"))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "c", "b"]


def test_several_groups_are_a_heat_map():
    other = TABLE.assign(group="two", response=[1.0, 0.0, 0.0, 5.0])
    ax = knock_out(pd.concat([TABLE.assign(group="one"), other]), top=2)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["one", "two"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["c", "KO"]
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.1, 5.0], [-9.0, 1.0]])


def test_another_table_is_refused():
    with pytest.raises(InputError, match=r"grn\.tl\.knock_out returns"):
        knock_out(TABLE.drop(columns="response"))
