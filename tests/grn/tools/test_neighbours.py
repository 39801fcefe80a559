import pandas as pd
import pytest

from grn.errors import InputError
from grn.tools.neighbours import regulators_of, targets_of

EDGES = pd.DataFrame(
    {
        "source": ["GATA1", "GATA1", "SPI1", "SPI1", "MYC"],
        "target": ["KLF1", "SPI1", "KLF1", "CSF1R", "KLF1"],
        "weight": [0.5, -2.0, -0.7, 1.5, 0.1],
        "fdr": [0.1, 0.2, 0.3, 0.4, 0.5],
    }
)


def test_the_most_important_come_first_with_all_columns():
    found = regulators_of(EDGES, "KLF1")
    assert found["source"].tolist() == ["SPI1", "GATA1", "MYC"]
    assert found["weight"].tolist() == [-0.7, 0.5, 0.1]
    assert found["fdr"].tolist() == [0.3, 0.1, 0.5]
    assert regulators_of(EDGES, "KLF1", top=1)["source"].tolist() == ["SPI1"]
    assert targets_of(EDGES, "GATA1", top=None)["target"].tolist() == ["SPI1", "KLF1"]


def test_a_group_is_looked_up_in_its_own_network():
    groups = pd.concat([EDGES.assign(group=1), EDGES.assign(group=2, weight=-EDGES["weight"])])
    assert targets_of(groups, "MYC", group="2")["weight"].tolist() == [-0.1]
    with pytest.raises(InputError, match=r"a network for each of 2 groups \(1, 2\)"):
        targets_of(groups, "MYC")
    with pytest.raises(InputError, match="no group 'T cells'"):
        targets_of(groups, "MYC", group="T cells")
    with pytest.raises(InputError, match="has no column group"):
        targets_of(EDGES, "MYC", group="1")


@pytest.mark.parametrize(
    ("look_up", "name", "message"),
    [
        (targets_of, "gata1", "no TF 'gata1'.*Did you mean GATA1"),
        (targets_of, "CSF1R", "CSF1R is a gene, but no regulator"),
        (regulators_of, "GATA1", "GATA1 is a regulator, but no target"),
        (regulators_of, "CSF1", "no gene 'CSF1'.*Did you mean CSF1R"),
    ],
)
def test_a_name_that_is_not_there_gives_close_ones(look_up, name, message):
    with pytest.raises(InputError, match=message):
        look_up(EDGES, name)


def test_a_number_of_edges_below_1_is_refused():
    with pytest.raises(InputError, match="top is 0"):
        targets_of(EDGES, "MYC", top=0)
