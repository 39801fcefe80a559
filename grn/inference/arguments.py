"""Checks the arguments of Python calls, with messages that name arguments and not options."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral
from typing import Any

from anndata import AnnData

from grn.errors import InputError

# An option, and the blank before its value: a word in capitals, or what stands before a colon.
_OPTION = re.compile(
    r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)(?:=| (?=[A-Z]+\b|[\w.-]+:)|(?= |$|[.,;:)]))"
)
_BOTH = re.compile(r"--[a-z-]+ \(in Python ([a-z_]+=)\)")
_SHOWN = 5  # names in a message; chosen by hand


def check_adata(adata: object) -> None:
    """Make sure that cells are an AnnData; the message says how to make one of other types.

    Raises
    ------
    InputError
        They are of another type.
    """
    if isinstance(adata, AnnData):
        return
    kind = type(adata).__name__
    how = "anndata.AnnData(...) makes one of a matrix, grn.read_cells(path) reads one"
    if isinstance(adata, str) or hasattr(adata, "__fspath__"):
        how = f"read it first: grn.read_cells({str(adata)!r})"
    elif kind == "MuData":
        names = ", ".join(map(repr, getattr(adata, "mod", {}))) or "none"
        how = f"choose the modality that holds expression, mdata[NAME] (there are: {names})"
    elif kind == "DataFrame":
        how = (
            "anndata.AnnData(frame) makes one, with a row for each cell and a column for each gene"
        )
    elif hasattr(adata, "shape"):
        how = (
            "anndata.AnnData(matrix, var=pandas.DataFrame(index=gene_names)) makes one, with a "
            "row for each cell"
        )
    msg = f"adata is of type {kind}; expected an AnnData of cells × genes: {how}."
    raise InputError(msg)


def name_list(names: Iterable[Any] | None) -> list[str] | None:
    """Return names as a list, from any iterable.

    Raises
    ------
    InputError
        They cannot be listed, or one is not a string, such as NaN in a table with gaps.
    """
    if names is None:
        return None
    try:
        listed = list(names)
    except TypeError as error:
        msg = (
            f"tfs is of type {type(names).__name__}; expected names, the path of a file of names, "
            "human, mouse, or None for every gene."
        )
        raise InputError(msg) from error
    odd = [name for name in listed if not isinstance(name, str)]
    if odd:
        shown = ", ".join(map(repr, odd[:_SHOWN]))
        msg = (
            f"{len(odd)} of {len(listed)} tfs are no text ({shown}); expected the name of a gene "
            "each. Of a column of a table with gaps, pass column.dropna()."
        )
        raise InputError(msg)
    return [str(name) for name in listed]


def check_aliases(aliases: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Return the aliases, or raise `InputError` where they are no mapping of names."""
    if aliases is None or isinstance(aliases, Mapping):
        return aliases
    msg = (
        f"aliases is of type {type(aliases).__name__}; expected a mapping from alias to name, "
        "which grn.names.symbols.read_aliases(path) reads from a file."
    )
    raise InputError(msg)


def check_count(name: str, value: object, *, least: int, otherwise: str | None = None) -> None:
    """Make sure that a number is a whole number of at least `least`.

    Raises
    ------
    InputError
        It is smaller, or is no whole number.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        also = "" if otherwise is None else f", or {otherwise}"
        msg = f"{name} is {value!r}; expected a whole number of at least {least}{also}."
        raise InputError(msg)


@contextmanager
def speaking_python() -> Iterator[None]:
    """Replace options of the command line in messages by arguments: --layer by layer=."""
    try:
        yield
    except InputError as error:
        said = _BOTH.sub(lambda both: both[1], str(error))
        said = _OPTION.sub(_argument, said)
        if said == str(error):
            raise
        raise InputError(said) from error


def _argument(option: re.Match[str]) -> str:
    return option[1].replace("-", "_") + "="
