"""Whatever stands in obs, var and obsm can be written, and what could be written stays."""

import datetime
import decimal
import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from grn.export.storable import storable_arrays, storable_frame

NAMES = ["a", "b", "c"]


def stored(frame: pd.DataFrame, tmp_path) -> pd.DataFrame:
    """What comes back of a table that was made storable."""
    ad.AnnData(obs=storable_frame(frame, "obs")).write_h5ad(tmp_path / "x.h5ad")
    return ad.read_h5ad(tmp_path / "x.h5ad").obs


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([[1, 2], [], ["x"]], ["[1, 2]", "[]", "['x']"]),
        ([{"a": 1}, {}, {}], ["{'a': 1}", "{}", "{}"]),
        (["x", 1, 2.5], ["x", "1", "2.5"]),
        (["x", None, np.nan], ["x", None, None]),
        (["x", "y", None], ["x", "y", None]),
        (pd.cut([1.0, 5.0, 9.0], [0, 3, 6, 9]), ["(0, 3]", "(3, 6]", "(6, 9]"]),
        (pd.to_datetime(["2024-01-02", None, "2024-03-04"]), ["2024-01-02 00:00:00", None, ...]),
        (pd.to_timedelta([1, 2, 3], "D"), ["1 days 00:00:00", ..., ...]),
        (pd.period_range("2024-01", periods=3, freq="M"), ["2024-01", "2024-02", "2024-03"]),
        ([datetime.date(2024, 1, 2)] * 3, ["2024-01-02"] * 3),
        ([decimal.Decimal("1.50")] * 3, ["1.50"] * 3),
        (["x\0y", "z", "w"], ["xy", "z", "w"]),
        (pd.Categorical([1, "x", 1]), ["1", "x", "1"]),
        (pd.array(["x", None, "y"], dtype="string"), ["x", None, "y"]),
    ],
)
def test_odd_columns_are_kept_as_text(values, text, tmp_path, caplog) -> None:
    found = stored(pd.DataFrame({"odd": values, "n": [1, 2, 3]}, index=NAMES), tmp_path)
    back = [None if pd.isna(value) else str(value) for value in found["odd"]]
    assert [b for b, t in zip(back, text, strict=True) if t is not ...] == [
        t for t in text if t is not ...
    ]
    assert found["n"].tolist() == [1, 2, 3]
    assert found.index.tolist() == NAMES


def test_plain_columns_stay_as_they_are_in_silence(tmp_path, caplog) -> None:
    frame = pd.DataFrame(
        {
            "text": ["x", "y", "x"],
            "group": pd.Categorical(["u", None, "v"], ["v", "u"], ordered=True),
            "number": [1.5, np.nan, 2],
            "flag": [True, False, True],
            "maybe": pd.array([1, None, 3], dtype="Int64"),
        },
        index=NAMES,
    )
    found = stored(frame, tmp_path)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    pd.testing.assert_frame_equal(found.astype({"text": object}), frame)


def test_reserved_repeated_and_impossible_names_are_changed(tmp_path, caplog) -> None:
    names = ["_index", "index", 7, "a/b", "", "x", "x", "cell"]
    frame = pd.DataFrame(np.arange(24).reshape(3, 8), index=pd.Index(NAMES, name="cell"))
    frame.columns = names
    found = stored(frame, tmp_path)
    assert list(found) == ["index", "index-1", "7", "a_b", "column 4", "x", "x-1", "cell"]
    np.testing.assert_array_equal(found, frame)
    assert found.index.tolist() == NAMES
    assert "obs columns are stored under other names: '_index' as 'index'" in caplog.text
    assert list(frame.columns) == names  # the given table stays


def test_arrays_of_numbers_are_kept_and_others_named(caplog) -> None:
    arrays = {
        "dense": np.ones((3, 2)),
        "a/b": sparse.coo_matrix(np.eye(3)),
        "text": np.array([["x"]] * 3),
        "odd": np.array([[None]] * 3, dtype=object),
        "table": pd.DataFrame({"_index": NAMES}, index=NAMES),
    }
    kept = storable_arrays(arrays, "obsm")
    assert list(kept) == ["dense", "a_b", "table"]
    assert kept["a_b"].format == "csr"
    assert list(kept["table"]) == ["index"]
    assert "obsm left out, because they are not arrays of numbers: ['text', 'odd']" in caplog.text
