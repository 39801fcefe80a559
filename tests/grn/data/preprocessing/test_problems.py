import numpy as np
import pytest
import scipy.sparse as sp

from grn.data.preprocessing.preprocess import preprocess
from grn.data.preprocessing.problems import other_matrices
from grn.errors import InputError
from tests.helpers import cells_of

N_CELLS, N_GENES = 29, 11


@pytest.fixture
def counts() -> np.ndarray:
    return np.random.default_rng(3).poisson(0.8, (N_CELLS, N_GENES))


@pytest.mark.parametrize("kind", [np.array, sp.csr_matrix, sp.csc_matrix])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, r"1 value\(s\) are NaN or infinite, the first \(nan\) in gene g3, cell c7"),
        (np.inf, r"1 value\(s\) are NaN or infinite, the first \(inf\) in gene g3, cell c7"),
        (-1.5, r"1 value\(s\) are negative, the first \(-1.5\) in gene g3, cell c7.*--layer"),
    ],
)
def test_bad_values_are_placed(
    counts: np.ndarray, kind: type, value: float, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grn.expression._VALUES_PER_BLOCK", 17)
    counts = counts.astype(float)
    counts[7, 3] = value
    with pytest.raises(InputError, match=message):
        preprocess(cells_of(kind(counts)))


def test_scaled_data_name_the_layers_to_use(counts: np.ndarray) -> None:
    adata = cells_of((counts - counts.mean(axis=0)) / counts.std(axis=0))
    adata.layers["raw_counts"] = counts
    with pytest.raises(InputError, match=r"scaled.*--layer .*of raw_counts\."):
        preprocess(adata)


def test_raw_is_named_beside_layers(counts):
    adata = cells_of(counts.astype(float))
    adata.raw = adata.copy()
    adata.layers["a"] = counts
    assert other_matrices(adata) == ["a", "raw"]
    adata.uns["grn_read"] = {"layer": "a", "layers": ["a", "b", "raw"]}
    assert other_matrices(adata) == ["a", "raw", "b", "X, without --layer"]


def test_a_few_negatives_are_not_called_scaled(counts):
    logs = np.log1p(counts)
    logs[3, 4] = -0.01
    with pytest.raises(InputError, match=r"negative.*too large for rounding; a correction"):
        preprocess(cells_of(logs))
