import json

import numpy as np
import pandas as pd

from grn.report.network import N_EDGES, SHARED, pack
from tests.toy_runs import toy_edges


def unpacked(packed: dict) -> pd.DataFrame:
    names = np.array(packed["genes"], dtype=object)
    return pd.DataFrame(
        {
            "group": [packed["groups"][place] for place in packed["group"]],
            "source": names[packed["source"]],
            "target": names[packed["target"]],
            **{name: packed[name] for name in packed["columns"]},
        }
    )


def test_the_best_edges_come_back_in_their_order() -> None:
    edges = toy_edges(2500)
    packed = json.loads(json.dumps(pack(edges)))
    found = unpacked(packed)
    assert len(found) == N_EDGES
    assert set(found["group"]) == {SHARED}
    kept = edges.head(N_EDGES)
    pd.testing.assert_frame_equal(found[["source", "target"]], kept[["source", "target"]])
    np.testing.assert_allclose(found["weight"], kept["weight"], rtol=1e-4)
    regulators = {packed["genes"][place] for place in packed["regulators"]}
    assert regulators == set(kept["source"])


def test_groups_share_the_places_and_keep_their_best() -> None:
    groups = {"T": toy_edges(1500, seed=1), "B": toy_edges(1500, seed=2), SHARED: toy_edges(9)}
    by_group = pd.concat([table.assign(group=name) for name, table in groups.items()])
    found = unpacked(pack(toy_edges(10), by_group))
    counts = found["group"].value_counts()
    assert counts.to_dict() == {"T": 666, "B": 666, SHARED: 10, f"group {SHARED}": 9}
    best = found[found["group"] == "B"]
    assert best["target"].tolist() == groups["B"]["target"].head(666).tolist()


def test_what_json_cannot_hold_is_null() -> None:
    edges = toy_edges(3).assign(fdr=[0.1, np.nan, np.inf], note="text")
    packed = pack(edges)
    assert packed["fdr"] == [0.1, None, None]
    assert "note" not in packed["columns"]
    json.dumps(packed, allow_nan=False)
    assert pack(edges.head(0))["genes"] == []
