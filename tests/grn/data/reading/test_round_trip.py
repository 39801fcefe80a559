"""Random cells come back from every format exactly: values as float32, names as text."""

import tempfile
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from grn.data.reading.read import read_cells
from tests.cell_files import WRITERS

# What pandas, HDF5 or a spreadsheet might take for something else than a name.
ODD = [
    "001", "1e5", "1.0", "-3", "NA", "nan", "None", "True", "inf", "a b", "a,b", 'a"b', "a;b",
    "'a'", "#1", "α-β", "基因", "a/b", "0", "Gene", "ENSG1", "a.1", "_x", "H2-Ab1", "😀",
]  # fmt: skip
COUNTS = st.integers(0, 2**24)
FLOATS = st.floats(0, 3.0000000054977558e38, width=32)


def names(codec: str) -> st.SearchStrategy[str]:
    """Names of one or two words; tabs, line ends and blanks around them are no part of a name."""
    word = st.text(
        st.characters(codec=codec, exclude_categories=("C", "Z")), min_size=1, max_size=6
    )
    odd = [name for name in ODD if codec == "utf-8" or name.isascii()]
    return st.one_of(st.sampled_from(odd), word, st.tuples(word, word).map(" ".join))


@st.composite
def cells(draw: st.DrawFn, codec: str) -> anndata.AnnData:
    """A few cells and genes: dense, CSR or CSC; integers, float32 or float64; odd names."""
    obs, var = (
        draw(st.lists(names(codec), min_size=2, max_size=5, unique=True)) for _ in range(2)
    )
    shape = (len(obs), len(var))
    dtype, elements = draw(
        st.sampled_from([("int32", COUNTS), ("float32", FLOATS), ("float64", FLOATS)])
    )
    values = draw(arrays(dtype, shape, elements=elements, fill=st.just(0)))
    storage = draw(st.sampled_from([np.asarray, sp.csr_matrix, sp.csc_matrix]))
    return anndata.AnnData(
        storage(values), obs=pd.DataFrame(index=obs), var=pd.DataFrame(index=var)
    )


@pytest.mark.parametrize("written", WRITERS)
@settings(derandomize=True, deadline=None, max_examples=25, database=None)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_every_format_returns_what_was_written(written: str, data: st.DataObject) -> None:
    # The strings of a 10x .h5 are ASCII.
    adata = data.draw(cells("ascii" if "h5 v" in written else "utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        read = read_cells(WRITERS[written](adata, Path(folder)))
        values = read.X.toarray() if sp.issparse(read.X) else read.X
    expected = adata.X.toarray() if sp.issparse(adata.X) else adata.X
    assert list(read.var_names) == list(adata.var_names)
    assert list(read.obs_names) == list(adata.obs_names)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, expected.astype(np.float32))
