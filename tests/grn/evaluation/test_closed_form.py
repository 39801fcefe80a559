import numpy as np
import pytest
from scipy import sparse

from grn.evaluation import closed_form as module
from grn.evaluation.closed_form import closed_form, closed_form_max


def centred(a):
    return a - a.mean(axis=1, keepdims=True) - a.mean(axis=0, keepdims=True)


def by_definition(expression):
    root = np.sqrt(expression)
    z = (root - root.mean(axis=0)) / root.std(axis=0)
    precision = np.linalg.inv(z.T @ z / len(z) + 60 * np.eye(z.shape[1]))
    r = -precision / np.sqrt(np.outer(np.diag(precision), np.diag(precision)))
    np.fill_diagonal(r, 0)
    return r


@pytest.mark.parametrize(("n_cells", "n_genes"), [(17, 43), (43, 17)], ids=["wide", "tall"])
@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_matrix])
def test_closed_form_is_its_definition(n_cells, n_genes, layout, monkeypatch):
    monkeypatch.setattr(module, "_GENES_PER_BLOCK", 7)
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(n_cells, 3)) @ rng.normal(size=(3, n_genes))
    expression = np.maximum(factor + rng.normal(size=(n_cells, n_genes)), 0) + 0.01
    tf_index = np.array([5, 0, 16, 11])
    r = by_definition(expression)
    weight, importance = closed_form(layout(expression), tf_index)
    np.testing.assert_allclose(weight, r[tf_index], atol=1e-12)
    np.testing.assert_allclose(importance, centred(r)[tf_index], atol=1e-12)
    signed, absolute = centred(r), centred(np.abs(r))
    largest = np.maximum(signed / signed.std(), absolute / absolute.std())
    weight, importance = closed_form_max(layout(expression), tf_index)
    np.testing.assert_allclose(weight, r[tf_index], atol=1e-12)
    np.testing.assert_allclose(importance, largest[tf_index], rtol=1e-9, atol=1e-9)


def test_a_constant_gene_gets_no_partial_correlation():
    expression = np.random.default_rng(1).random((9, 5))
    expression[:, 2] = 0.7
    weight, importance = closed_form(expression, np.arange(5))
    np.testing.assert_array_equal(weight[2], 0)
    np.testing.assert_array_equal(weight[:, 2], 0)
    assert np.isfinite(importance).all()
