from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

from grn.data.reading.read import read_cells
from grn.data.reading.splicing import split_by_splicing

GENES = ["GATA1", "HLA-A", "NKX2-U"]  # names that end as the columns do


def cells(names: list[str]) -> ad.AnnData:
    values = np.random.default_rng(0).poisson(2.0, (7, len(names))).astype(np.float32)
    adata = ad.AnnData(sp.csr_matrix(values))
    adata.obs_names, adata.var_names = [f"AAAC{i}-1" for i in range(7)], names
    return adata


def of_alevin_fry() -> ad.AnnData:
    return cells([gene + end for end in ("", "-U", "-A") for gene in GENES])


def test_three_columns_per_gene_are_layers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    side_by_side = of_alevin_fry()
    spliced, unspliced, ambiguous = np.split(side_by_side.X.toarray(), 3, axis=1)
    split = split_by_splicing(side_by_side, tmp_path)
    assert list(split.var_names) == GENES
    assert "of 3 genes: X is spliced + ambiguous" in caplog.text
    expected = {
        **{"spliced": spliced, "unspliced": unspliced, "ambiguous": ambiguous},
        "total": spliced + unspliced + ambiguous,
    }
    np.testing.assert_array_equal(split.X.toarray(), spliced + ambiguous)
    assert set(split.layers) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(split.layers[name].toarray(), values)


def test_other_cells_stay_as_they_are(tmp_path: Path) -> None:
    names = of_alevin_fry().var_names.to_list()
    for other in (GENES, names[:-1], [*names[:3], *names[6:], *names[3:6]], ["A", "B", "C"] * 3):
        adata = cells(other)
        assert split_by_splicing(adata, tmp_path) is adata


def test_layer_of_a_folder_is_read_for_nuclei(tmp_path: Path) -> None:
    import scipy.io

    adata = of_alevin_fry()
    scipy.io.mmwrite(tmp_path / "quants_mat.mtx", adata.X)
    for name, names in (("rows", adata.obs_names), ("cols", adata.var_names)):
        (tmp_path / f"quants_mat_{name}.txt").write_text("\n".join(names) + "\n")
    read = read_cells(tmp_path, layer="total")
    np.testing.assert_array_equal(read.X.toarray(), sum(np.split(adata.X.toarray(), 3, axis=1)))
    assert list(read.var_names) == list(read_cells(tmp_path).var_names) == GENES
