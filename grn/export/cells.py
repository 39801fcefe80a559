"""Writes cells in the layout of BEELINE, beside an AnnData that holds everything."""

import csv
import io
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from grn.errors import InputError
from grn.export.h5ad import write_h5ad

if TYPE_CHECKING:
    from anndata import AnnData

_BY_GROUP = "refNetwork_by_group.csv"
_FILES = (
    *("cells.h5ad", "ExpressionData.csv", "PseudoTime.csv", "refNetwork.csv", _BY_GROUP),
    "tfs.txt",
)
_SEPARATORS = "\t\n\r;"  # of tables and lines; a comma is quoted


def write_simulation(adata: "AnnData", folder: str | Path, *, overwrite: bool = False) -> None:
    """Write simulated cells, their truth and their TFs into a folder, all files or none.

    `cells.h5ad` is everything. BEELINE's files are `ExpressionData.csv` (genes × cells; reading
    it gives the same float32 numbers), `PseudoTime.csv` (a column per branch, empty where the
    cell is on another one) and `refNetwork.csv` (Gene1, Gene2, Type). `tfs.txt` has one TF a
    line. Where groups of cells have networks of their own, `refNetwork.csv` holds what is an edge
    in any of them, and `refNetwork_by_group.csv` (Group, Gene1, Gene2, Type) the edges of each.

    Parameters
    ----------
    adata
        Result of `grn.simulation.simulate_model` or `simulate_contexts`: dense X; `obs` `time`
        and `branch`; `var` `is_tf`; `uns["truth"]`.
    folder
        Folder, which is created if needed; other files in it are kept.
    overwrite
        Replace an existing result.

    Raises
    ------
    InputError
        The folder holds a result already or cannot be written to; a name would not come back.
    """
    folder = Path(folder)
    if not overwrite:
        check_free(folder)
    for name in (*adata.obs_names, *adata.var_names):
        _check_name(name)
    with _filled(folder) as temporary:
        write_h5ad(adata, temporary / "cells.h5ad")
        _write_expression(adata, temporary / "ExpressionData.csv")
        _pseudotime(adata.obs).to_csv(temporary / "PseudoTime.csv")
        _write_reference(adata.uns["truth"], temporary)
        tfs = adata.var_names[adata.var["is_tf"]]
        (temporary / "tfs.txt").write_text("\n".join(tfs) + "\n", encoding="utf-8")


def check_free(folder: str | Path) -> None:
    """Raise an `InputError` where the folder holds a simulation already."""
    existing = [name for name in _FILES if (Path(folder) / name).exists()]
    if existing:
        msg = (
            f"{folder} already holds {', '.join(existing)}. Choose another folder with --output, "
            "or replace it with --overwrite."
        )
        raise InputError(msg)


@contextmanager
def _filled(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder`; move its files there once the block has ended well."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        folder.mkdir(exist_ok=True)
        for name in _FILES:  # an earlier result may have had more of them
            if not (temporary / name).exists():
                (folder / name).unlink(missing_ok=True)
        for path in temporary.iterdir():
            path.replace(folder / path.name)
    except OSError as error:
        msg = f"{folder}: cannot be written ({error}). Give a folder you may write to."
        raise InputError(msg) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_name(name: str) -> None:
    if not name or name != name.strip() or set(name) & set(_SEPARATORS):
        msg = (
            f"the name {name!r} would not come back from a table: it is empty, begins or ends "
            "with a blank, or holds a tab, a line break or a semicolon. Rename it in adata."
        )
        raise InputError(msg)


def _write_expression(adata: "AnnData", path: Path) -> None:
    """Write genes × cells with nine digits, which give every float32 back."""
    values = np.asarray(adata.X, dtype=np.float32).T
    template = ",".join(["%.9g"] * adata.n_obs)
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(_csv_row(["", *adata.obs_names]) + "\n")
        for gene, row in zip(adata.var_names, values, strict=True):
            stream.write(f"{_csv_row([gene])},{template % tuple(row.tolist())}\n")


def _csv_row(names: Iterable[str]) -> str:
    """Join names with commas, quoting those that need it."""
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow(names)
    return row.getvalue()


def _pseudotime(obs: pd.DataFrame) -> pd.DataFrame:
    """Return the time of each cell in the column of its branch."""
    branches = sorted(obs["branch"].unique())
    if len(branches) == 1:
        return obs[["time"]].rename(columns={"time": "PseudoTime"})
    columns = {
        f"PseudoTime{branch}": obs["time"].where(obs["branch"] == branch) for branch in branches
    }
    return pd.DataFrame(columns)


def _write_reference(truth: pd.DataFrame, folder: Path) -> None:
    """Write the edges with BEELINE's names of columns and signs; of groups once more by group."""
    signs = truth["sign"].map({1: "+", -1: "-"})
    edges = pd.DataFrame({"Gene1": truth["source"], "Gene2": truth["target"], "Type": signs})
    if "group" in truth:
        by_group = edges.assign(Group=truth["group"])[["Group", *edges.columns]]
        by_group.to_csv(folder / _BY_GROUP, index=False)
        edges = edges.drop_duplicates()
    edges.to_csv(folder / "refNetwork.csv", index=False)
