import anndata
import h5py
import numpy as np
import pytest
import scanpy as sc
import scipy.sparse as sp
from anndata.io import sparse_dataset, write_elem

from grn.data.preprocessing.check import check_cells, scan_cells
from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from grn.expression import own_float32
from tests.helpers import cells_of

N_CELLS, N_GENES = 29, 11


@pytest.fixture
def counts() -> np.ndarray:
    return np.random.default_rng(3).poisson(0.8, (N_CELLS, N_GENES))


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csc_matrix, sp.csr_array])
def test_scan_agrees_with_scanpy(counts, kind, monkeypatch):
    monkeypatch.setattr("grn.expression._VALUES_PER_BLOCK", 30)
    counts[:, 4], counts[:, 5] = 0, 3
    adata = cells_of(kind(counts))
    scan = scan_cells(adata, np.arange(N_CELLS) > 2, min_genes=5, min_counts=11)
    by_genes, n_genes = sc.pp.filter_cells(adata, min_genes=5, inplace=False)
    by_counts, totals = sc.pp.filter_cells(adata, min_counts=11, inplace=False)
    np.testing.assert_array_equal(scan.genes_per_cell, n_genes)
    np.testing.assert_array_equal(scan.totals, totals)
    expected = by_genes & by_counts & (np.arange(N_CELLS) > 2)
    assert 0 < expected.sum() < N_CELLS - 3
    _, n_cells = sc.pp.filter_genes(adata[expected].copy(), min_cells=1, inplace=False)
    np.testing.assert_array_equal(scan.cells_per_gene, n_cells)
    np.testing.assert_array_equal(scan.varies, counts[expected].std(axis=0) > 0)
    assert scan.kind == "counts"


def test_stored_zeros_and_repeated_entries_count_as_what_they_add_up_to(counts):
    rows, genes = np.repeat(counts.nonzero(), 2, axis=1)
    halves = np.repeat(counts[counts > 0] / 2, 2)
    starts = np.concatenate([[0], np.bincount(rows, minlength=N_CELLS).cumsum()])
    repeated = sp.csr_matrix((halves.copy(), genes, starts), counts.shape)
    scan = scan_cells(cells_of(repeated), np.ones(N_CELLS, bool))
    assert scan.kind == "counts"
    np.testing.assert_array_equal(scan.genes_per_cell, (counts > 0).sum(axis=1))
    np.testing.assert_array_equal(repeated.data, halves)
    stored = sp.csr_matrix(counts)
    stored.data[:3] = 0
    assert own_float32(stored).nnz == np.count_nonzero(stored.toarray())


def test_rows_on_disk_are_judged_like_those_in_memory(counts, tmp_path, monkeypatch):
    monkeypatch.setattr("grn.expression._VALUES_PER_BLOCK", 30)
    counts = counts.astype(float)
    counts[7, 3] = -2.5
    with h5py.File(tmp_path / "x.h5", "w") as file:
        write_elem(file, "csr", sp.csr_matrix(counts))
        write_elem(file, "csc", sp.csc_matrix(counts))
        write_elem(file, "dense", counts)
        for matrix in (sparse_dataset(file["csr"]), file["dense"]):
            adata = cells_of(matrix)
            check_cells(adata)
            with pytest.raises(InputError, match=r"1 value.*\(-2.5\) in gene g3, cell c7"):
                scan_cells(adata, np.ones(N_CELLS, bool))
        with pytest.raises(InputError, match=r"by genes \(CSC\).*to_memory"):
            check_cells(cells_of(sparse_dataset(file["csc"])))


def test_a_value_beyond_float32_is_infinite(counts):
    counts = counts.astype(float)
    counts[7, 3] = 1e300
    with pytest.raises(InputError, match=r"NaN or infinite.*\(inf\) in gene g3, cell c7"):
        scan_cells(cells_of(counts), np.ones(N_CELLS, bool))


@pytest.mark.parametrize(
    ("pairs", "shown"),
    [
        ([("Sox2", "SOX2")], r"1 gene\(s\) .*: Sox2 and SOX2\. Merge or rename"),
        ([("Gene1", "gene1")], r"1 gene\(s\) .*: Gene1 and gene1"),
        ([("g001", "G001"), ("Tf01", "TF01")], r"2 gene\(s\) .*: g001 and G001, Tf01 and TF01"),
        (
            [("Aa", "AA"), ("Bb", "BB"), ("Cc", "CC"), ("Dd", "DD")],
            r"4 gene\(s\).*: Aa and AA, Bb and BB, Cc and CC, …\..*two species",
        ),
    ],
)
def test_a_gene_in_two_writings_is_refused(counts, pairs, shown):
    adata = cells_of(counts)
    names = list(adata.var_names)
    names[1 : 1 + 2 * len(pairs)] = [name for pair in pairs for name in pair]
    adata.var_names = names
    with pytest.raises(InputError, match=shown):
        check_cells(adata)


def test_genes_of_the_fly_that_differ_in_case_are_two(counts):
    adata = cells_of(counts)
    adata.var_names = ["Dl", "dl", "H", "h", *adata.var_names[4:]]
    check_cells(adata)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_rounding_errors_are_counted_and_are_no_values(counts, kind):
    logs = np.log1p(counts)
    logs[:, 4], logs[3, 4], logs[5, 4] = 0, -1e-9, -1e-6
    scan = scan_cells(cells_of(kind(logs)), np.ones(N_CELLS, bool))
    assert (scan.n_rounded, scan.cells_per_gene[4], scan.varies[4]) == (2, 0, False)


def test_advice_looks_at_what_was_dropped(counts: np.ndarray) -> None:
    adata = cells_of((counts - counts.mean(axis=0)) / counts.std(axis=0))
    adata.uns["grn_read"] = {"layer": "X", "layers": ["lognorm", "raw"]}
    with pytest.raises(InputError, match=r"scaled.*--layer .*of lognorm, raw\."):
        preprocess(adata)


@pytest.mark.parametrize("axis", ["var", "obs"])
def test_duplicate_names_list_three(counts: np.ndarray, axis: str) -> None:
    adata = cells_of(counts)
    names = list(getattr(adata, f"{axis}_names"))
    names[:8] = ["a", "a", "b", "b", "b", "c", "c", "d"]
    names[-1] = "d"
    setattr(adata, f"{axis}_names", names)
    kind = "gene" if axis == "var" else "cell"
    match = (
        rf"4 {kind} name\(s\) occur more than once: a, b, c, ….*adata\.{axis}_names_make_unique"
    )
    with pytest.raises(InputError, match=match):
        preprocess(adata)


@pytest.mark.parametrize(("n_cells", "n_genes"), [(19, 50), (50, 4)])
def test_too_few(n_cells: int, n_genes: int) -> None:
    values = np.random.default_rng(0).random((n_cells, n_genes))
    with pytest.raises(InputError, match=f"got {n_cells} cells × {n_genes} genes; at least 20"):
        preprocess(cells_of(values))


def test_smallest_allowed() -> None:
    assert preprocess(cells_of(np.random.default_rng(0).random((20, 5)))).shape == (20, 5)


def test_too_few_that_vary(counts: np.ndarray) -> None:
    counts[:, 4:] = 1
    with pytest.raises(InputError, match=f"only 4 of {N_GENES} genes vary"):
        preprocess(cells_of(counts))


def test_no_matrix_and_no_numbers(counts: np.ndarray) -> None:
    with pytest.raises(InputError, match="has no X"):
        preprocess(anndata.AnnData(obs=cells_of(counts).obs, var=cells_of(counts).var))
    adata = cells_of(counts)
    adata.X = counts.astype(complex)
    with pytest.raises(InputError, match="complex"):
        preprocess(adata)
    adata.X = counts.astype(str).astype(object)
    with pytest.raises(InputError, match="not numbers"):
        preprocess(adata)
