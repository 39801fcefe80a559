import logging

import numpy as np
import pandas as pd
import pytest

from grn.edges.matrix import edge_table
from grn.errors import InputError
from grn.tools.regulons import regulons

GENES = [f"g{i}" for i in range(11)]


def random_edges(n_tfs=3):
    weight = np.random.default_rng(0).normal(size=(n_tfs, len(GENES)))
    return edge_table(weight, np.abs(weight), GENES[:n_tfs], GENES)


def test_each_tf_keeps_its_most_important_measured_targets():
    edges, measured = random_edges(), GENES[2:]
    kept = regulons(edges, measured, 6)
    for tf, own in kept.groupby("source"):
        among = edges[(edges["source"] == tf) & edges["target"].isin(measured)]
        assert own["target"].tolist() == among.nlargest(6, "importance")["target"].tolist()
    assert set(kept["source"]) == set(GENES[:3])


def test_edges_without_a_sign_are_no_targets():
    edges = random_edges()
    edges.loc[0, "weight"] = 0.0
    kept = regulons(edges, GENES, 10)
    lost = edges.loc[0]
    assert not ((kept["source"] == lost["source"]) & (kept["target"] == lost["target"])).any()


def test_tfs_with_few_targets_are_left_out_and_named(caplog):
    edges = random_edges()
    few = edges[(edges["source"] != "g1") | edges["target"].isin(GENES[4:8])]
    with caplog.at_level(logging.WARNING):
        kept = regulons(few, GENES, 10)
    assert set(kept["source"]) == {"g0", "g2"}
    assert "1 of 3 TFs have fewer than 5 targets" in caplog.text
    assert "g1" in caplog.text
    # Where fewer are asked for, fewer are enough.
    assert set(regulons(few, GENES, 4)["source"]) == {"g0", "g1", "g2"}


def test_names_that_do_not_meet_are_shown():
    with pytest.raises(InputError, match=r"none of the 11 targets.*such as g0.*such as ENSG1"):
        regulons(random_edges(), ["ENSG1", "ENSG2"], 10)


def test_too_few_targets_of_every_tf_are_refused():
    edges = pd.DataFrame({"source": "a", "target": GENES[:3], "weight": [1.0, 2.0, 3.0]})
    with pytest.raises(InputError, match=r"no TF has 5 targets.*largest number is 3"):
        regulons(edges, GENES, 10)


def test_unknown_columns_are_refused():
    with pytest.raises(InputError, match="no column source"):
        regulons(pd.DataFrame({"a": ["x"], "b": ["y"]}), GENES, 10)
