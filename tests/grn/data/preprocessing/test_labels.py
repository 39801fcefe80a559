import numpy as np
import pandas as pd
import pytest

from grn.data.preprocessing.labels import read_labels
from grn.errors import InputError


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["T", "B", "T"], ["B", "T"]),
        (pd.Categorical(["T", "B", "T"], ["T", "NK", "B"]), ["T", "B"]),
        ([2, 10, 2], ["10", "2"]),
        ([True, False, True], ["False", "True"]),
    ],
)
def test_labels_of_any_kind(values: object, names: list[str]) -> None:
    labels = read_labels(pd.DataFrame({"key": values}), "key", "--groupby")
    assert labels.names == names
    first, other = (name for name in names if labels.sizes[name] == 2), names
    assert labels.rows(next(first)).tolist() == [0, 2]
    assert sum(labels.sizes.values()) == 3
    assert set(other) == {labels.names[code] for code in labels.codes}


@pytest.mark.parametrize(
    ("values", "key", "message"),
    [
        (["a", "b"], "kye", "--batch=kye: obs has no such column. Existing columns: key"),
        (["a", None], "key", "--batch key: 1 of 2 cells have no label"),
        ([1.0, np.nan], "key", "1 of 2 cells have no label"),
        (pd.Categorical(["a", None]), "key", 'adata.obs["key"].notna()'),
        (["a", "a"], "key", "all 2 cells have the label a"),
        (pd.Categorical(["a", "a"], ["a", "b"]), "key", "at least two different ones"),
    ],
)
def test_labels_that_make_no_groups_are_refused(values: object, key: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        read_labels(pd.DataFrame({"key": values}), key, "--batch")
    assert message in str(refused.value)
