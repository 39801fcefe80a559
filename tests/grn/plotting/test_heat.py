import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from grn.plotting.heat import heat_map, signed_map
from grn.plotting.style import SIGNED_MAP

plt.switch_backend("Agg")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_the_middle_of_the_colours_is_0():
    values = pd.DataFrame([[1.0, -3.0], [np.nan, 2.0]], index=["r", "s"], columns=["a", "long"])
    ax = heat_map(values, "what", None, xlabel="x", ylabel="y")
    assert ax.images[0].get_clim() == (-3.0, 3.0)
    np.testing.assert_allclose(signed_map()(0.5), to_rgba(SIGNED_MAP[3]), atol=0.01)
    shown = ax.images[0].get_array()
    np.testing.assert_array_equal(np.ma.filled(shown, np.nan), values)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["r", "s"]
    assert [label.get_rotation() for label in ax.get_xticklabels()] == [90, 90]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")


def test_zeros_alone_and_given_axes_are_drawn():
    _, given = plt.subplots()
    assert heat_map(pd.DataFrame([[0.0]]), "", given, xlabel="", ylabel="") is given
    assert given.images[0].get_clim() == (-1.0, 1.0)
