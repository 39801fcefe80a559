import numpy as np
import pytest
import scipy.sparse as sp

from grn.data.preprocessing.evidence import Evidence

RNG = np.random.default_rng(0)
DEPTH = RNG.lognormal(0, 0.4, (120, 1))
COUNTS = RNG.poisson(DEPTH * RNG.lognormal(0.5, 1, 70)).astype(np.float32)
SCALED = COUNTS / COUNTS.sum(axis=1, keepdims=True) * 30


def evidence(values: np.ndarray, block: int = 120, kind: type = np.asarray) -> Evidence:
    found = Evidence(*values.shape)
    matrix = kind(values.astype(np.float32))
    for start in range(0, len(values), block):
        found.look(matrix[start : start + block], start)
    return found


def test_storage_and_blocks_change_nothing():
    one, other = evidence(SCALED), evidence(SCALED, 7, sp.csr_matrix)
    assert one.linear == other.linear
    assert (one.least, one.medians, one.unlogged) == (other.least, other.medians, other.unlogged)


@pytest.mark.parametrize(
    "values", [COUNTS, COUNTS / 3, COUNTS * 0.137, SCALED, SCALED[:, 20:], COUNTS[:, :30] + 4.0]
)
def test_scaled_counts_are_multiples_and_their_logarithms_are_not(values):
    assert evidence(values).linear.holds_multiples
    for log in (np.log1p, np.sqrt, lambda x: np.log2(x + 1)):
        found = evidence(log(values))
        assert found.linear.n_compared > 0
        assert not found.linear.holds_multiples


@pytest.mark.parametrize(
    ("log", "name"),
    [
        (np.log1p, "log1p"),
        (lambda x: np.log2(x + 1), "log2(x + 1)"),
        (lambda x: np.log10(x + 1), "log10(x + 1)"),
    ],
)
def test_the_base_of_logarithms_shows(log, name):
    found = evidence(log(SCALED))
    assert [n for n, form in found.unlogged.items() if form.holds_multiples] == [name]
    assert [n for n, form in found.unlogged.items() if form.has_one_total] == [name]


def test_totals_are_one_in_all_cells_or_in_each_sample():
    assert evidence(SCALED).linear.has_one_total
    assert evidence(np.round(SCALED, 3)).linear.has_one_total
    samples = SCALED * np.where(np.arange(120) < 50, 1.0, 1.7)[:, None]
    assert evidence(samples).linear.has_one_total
    assert not evidence(SCALED[:, 20:]).linear.has_one_total
    assert not evidence(COUNTS / 3).linear.has_one_total


@pytest.mark.parametrize("digits", [1, 2, 3])
def test_rounded_numbers_are_no_multiples(digits):
    found = evidence(np.round(np.log1p(SCALED), digits))
    assert not found.linear.holds_multiples


def test_rounded_logarithms_vary_less_than_counts():
    assert not evidence(COUNTS).varies_less_than_counts
    deep = RNG.poisson(300 * DEPTH * RNG.lognormal(0, 0.5, 70))
    assert not evidence(deep).varies_less_than_counts
    assert evidence(np.rint(np.log1p(deep))).varies_less_than_counts
