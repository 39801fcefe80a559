"""Names that no file of a result can hold show before any long work."""

import anndata as ad
import numpy as np
import pytest

from grn.errors import InputError
from grn.export.check import check_names, check_writable


def cells(obs: list[str], var: list[str]) -> ad.AnnData:
    adata = ad.AnnData(np.ones((2, 2)))
    adata.obs_names, adata.var_names = obs, var
    return adata


@pytest.mark.parametrize("name", ["", "  ", "\t", "a\0b", "a\x07", "\ud83d", "\uffff"])
def test_the_name_and_the_axis_are_said(name: str) -> None:
    with pytest.raises(InputError, match=r"gene .*adata\.var_names"):
        check_writable(cells(["c0", "c1"], ["g0", name]))
    with pytest.raises(InputError, match=r"cell .*adata\.obs_names"):
        check_writable(cells(["c0", name], ["g0", "g1"]))


def test_names_that_can_be_quoted_pass() -> None:
    check_writable(cells(["c\t0", "c 1"], ['g"0', "g\n1"]))
    check_names([1, "NA", "Ω", "字", "\U0001f9ec"])
