"""Every gene has a name of its own, whatever the format."""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.data.reading.gene_names import complete_names, name_genes
from grn.errors import InputError


def genes(names: list[str], **columns: list[object]) -> anndata.AnnData:
    frame = pd.DataFrame(columns, index=pd.Index(names))
    return anndata.AnnData(np.zeros((2, len(names))), var=frame)


@pytest.mark.parametrize("column", ["gene_ids", "Accession", "ENSEMBL", "gene_id"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_missing_names_are_ids(column: str, caplog: pytest.LogCaptureFixture) -> None:
    adata = genes(["A", "", " ", "NA"], **{column: ["E1", "E2", None, "E4"]})
    complete_names(adata, "x.h5ad")
    assert list(adata.var_names) == ["A", "E2", "unnamed-3", "NA"]
    assert "2 gene(s) of x.h5ad have no name and are called E2, unnamed-3" in caplog.text


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_names_without_ids(caplog: pytest.LogCaptureFixture) -> None:
    adata = genes(["A", "", "A", "NA", "NA", "A-1"])
    complete_names(adata, "x")
    assert list(adata.var_names) == ["A", "unnamed-2", "A-2", "NA", "NA-1", "A-1"]
    assert "2 repeated gene symbol(s) of x numbered" in caplog.text


def test_whole_names_stay_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    adata = genes(["A", "nan", "001"], gene_ids=["E1", "E2", "E3"])
    complete_names(adata, "x")
    assert list(adata.var_names) == ["A", "nan", "001"]
    assert not caplog.records


def test_column_that_is_not_there(tmp_path: Path) -> None:
    adata = genes(["A", "B"], symbol=["C", "D"])
    adata.var_names.name = "Gene"
    name_genes(adata, "Gene", tmp_path)
    assert list(adata.var_names) == ["A", "B"]
    with pytest.raises(InputError, match=r"Its columns: symbol\. Its index is 'Gene' already"):
        name_genes(adata, "x", tmp_path)
    name_genes(adata, "symbol", tmp_path)
    assert list(adata.var_names) == ["C", "D"]
