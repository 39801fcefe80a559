import anndata
import numpy as np
import pandas as pd
import pytest

from grn.errors import InputError
from grn.tools.labels import cell_labels, group_labels, stored_activity


@pytest.fixture
def adata():
    cells = anndata.AnnData(np.ones((4, 2)))
    cells.obs["type"] = pd.Categorical(["a", "b", "b", "a"], categories=["a", "b", "unused"])
    cells.obs["cluster"] = [1, 1, 2, 2]
    cells.obs["one"] = "x"
    cells.obs["partly"] = ["a", None, "b", "a"]
    return cells


def test_labels_are_text(adata):
    assert cell_labels(adata, "cluster").tolist() == ["1", "1", "2", "2"]
    assert group_labels(adata, "type").tolist() == ["a", "b", "b", "a"]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("Type", "groupby='Type' is no column of adata.obs.*type, cluster, one, partly"),
        ("partly", "1 of 4 cells have no partly"),
        ("one", "all 4 cells have the same one: x"),
    ],
)
def test_what_cannot_be_compared_is_refused(adata, key, message):
    with pytest.raises(InputError, match=message):
        group_labels(adata, key)


def test_activity_has_to_be_there(adata):
    with pytest.raises(InputError, match=r"is missing.*Run grn.tl.activity"):
        stored_activity(adata, "activity")
    adata.obsm["X_pca"] = np.ones((4, 2))
    with pytest.raises(InputError, match=r"of type ndarray.*there are: X_pca"):
        stored_activity(adata, "X_pca")
