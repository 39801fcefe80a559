from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.errors import InputError
from grn.inference.arguments import (
    check_adata,
    check_aliases,
    check_count,
    name_list,
    speaking_python,
)


class MuData:
    """Looks like one."""

    mod = {"rna": None, "atac": None}  # noqa: RUF012


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("cells.h5ad", r"type str; .*grn\.read_cells\('cells\.h5ad'\)"),
        (Path("cells.h5ad"), r"grn\.read_cells\('cells\.h5ad'\)"),
        (pd.DataFrame({"g": [1]}), r"type DataFrame; .*anndata\.AnnData\(frame\)"),
        (np.ones((3, 4)), r"type ndarray; .*var=pandas\.DataFrame"),
        (MuData(), r"type MuData; .*'rna', 'atac'"),
        (None, r"type NoneType; expected an AnnData"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_cells_of_another_kind(cells: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_adata(cells)


def test_cells_pass() -> None:
    check_adata(anndata.AnnData(np.ones((3, 4))))


@pytest.mark.parametrize(
    "names", [["A", "B"], ("A", "B"), iter("AB"), pd.Series(["A", "B"]), np.array(["A", "B"])]
)
def test_whatever_holds_names_is_listed(names: Any) -> None:
    assert name_list(names) == ["A", "B"]
    assert name_list(None) is None


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["A", float("nan")], r"1 of 2 tfs are no text \(nan\).*dropna"),
        (pd.Series(["A", None]), r"1 of 2 tfs are no text \(None\)"),
        ([1, 2, 3], r"3 of 3 tfs"),
        (5, r"tfs is of type int"),
    ],
    ids=str,
)
def test_names_that_are_none(names: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        name_list(names)


def test_aliases_are_a_mapping() -> None:
    assert check_aliases({"a": "b"}) == {"a": "b"}
    assert check_aliases(None) is None
    with pytest.raises(InputError, match="aliases is of type list; expected a mapping"):
        check_aliases([("a", "b")])  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [1.5, -1, "3", None, True, np.nan])
def test_numbers_that_are_no_count(value: Any) -> None:
    with pytest.raises(InputError, match=r"n is .*; expected a whole number of at least 0\."):
        check_count("n", value, least=0)


def test_counts_pass() -> None:
    for value in (1, np.int64(3)):
        check_count("n", value, least=1)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("choose one with --layer (layers: raw)", "choose one with layer= (layers: raw)"),
        ("with --layer (in Python layer=), of counts", "with layer=, of counts"),
        ("say it with --gene-column.", "say it with gene_column=."),
        ("use --tfs mouse, --tfs human", "use tfs= mouse, tfs= human"),
        ("--groupby state: 3 cells", "groupby=state: 3 cells"),
        ("Name it: --perturbations KEY.", "Name it: perturbations=KEY."),
        ("--perturbations=gide: obs has", "perturbations=gide: obs has"),
        ("a--b stays, so does --3", "a--b stays, so does --3"),
    ],
)
def test_messages_name_arguments(said: str, expected: str) -> None:
    with pytest.raises(InputError) as error, speaking_python():
        raise InputError(said)
    assert str(error.value) == expected
