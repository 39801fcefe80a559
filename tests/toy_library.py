"""A data folder of small data sets, under the names that a benchmark knows."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from tests.helpers import tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

TOY = ("beeline/toy/all", "beeline/toy/half", "dream4/other/gold")


def write_library(folder: Path, adata: "AnnData") -> Path:
    """Write simulated cells as the data sets beeline/toy (two networks) and dream4/other."""
    cells, tfs = adata.copy(), tfs_of(adata)
    truth = cells.uns.pop("truth")
    write_dataset(folder / "beeline/toy", cells, tfs, all=truth, half=truth.iloc[::2])
    write_dataset(folder / "dream4/other", cells[: len(cells) * 3 // 4].copy(), tfs, gold=truth)
    return folder


def write_dataset(
    folder: Path, adata: "AnnData", tfs: list[str], **networks: pd.DataFrame
) -> None:
    """Write one data set as `grn.data.datasets.load` finds it."""
    folder.mkdir(parents=True)
    adata.write_h5ad(folder / "expression.h5ad")
    (folder / "tfs.txt").write_text("\n".join(tfs) + "\n")
    for network, truth in networks.items():
        truth.to_csv(folder / f"edges_{network}.csv", index=False)
