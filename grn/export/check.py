"""Checks, before any long work, that files can hold the names of genes and cells."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from grn.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

# XML and HDF5 have no way to write these; half a surrogate pair is no text in UTF-8. A tab, a line
# break and a quote are written in quotes.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def check_writable(adata: "AnnData") -> None:
    """Raise an `InputError` if a name would prevent writing a result of these cells.

    Other problems are solved when the result is written: reserved columns, columns of unusual
    types, and names with quotes.
    """
    check_names(adata.var_names, "gene")
    check_names(adata.obs_names, "cell")


def check_names(names: Iterable[object], kind: str = "gene") -> None:
    """Raise an `InputError` where a name is empty or holds a character that files cannot hold.

    Parameters
    ----------
    names
        The names, in order.
    kind
        What is named: `gene` or `cell`.
    """
    axis = "var_names" if kind == "gene" else "obs_names"
    for i, name in enumerate(map(str, names)):
        if not name.strip():
            msg = (
                f"The name of {kind} {i + 1} is empty, so that no table of the result could be "
                f"read. Give it a name in adata.{axis}, or another column of names."
            )
            raise InputError(msg)
        if _UNWRITABLE.search(name):
            msg = (
                f"The {kind} name {name!r} holds a control character or half a character, which "
                f"the files of a result cannot hold. Rename it in adata.{axis}."
            )
            raise InputError(msg)
