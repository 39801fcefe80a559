"""Small settings and input files that the tests of several modules share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grn.config import compose_config

if TYPE_CHECKING:
    import lightning as L
    from anndata import AnnData
    from omegaconf import DictConfig

    from grn.training.module import TrainedModule

QUIET = (
    "trainer.accelerator=cpu",
    "++trainer.enable_progress_bar=false",
    "callbacks.progress_bar=null",
)
SMALL_PRETRAINING = (
    *(f"n_networks.{kind}=0" for kind in ("boolean", "large_boolean", "single_cell")),
    *("n_networks.bulk=4", "real=[]", "n_jobs=1", "output=out"),
    *("transformer.width=6", "transformer.n_heads=2", "transformer.n_blocks=1"),
)
FAST = ("trainer.max_steps=8", "trainer.val_check_interval=4", "report=false", *QUIET)


def fast_config(folder: Path, *overrides: str) -> "DictConfig":
    """Compose the settings of a quick run into `folder`."""
    return compose_config(
        ["paths=folder", f"paths.run='{folder}'", "logger=none", *FAST, *overrides]
    )


def file_config(folder: Path, files: dict[str, Path], *overrides: str) -> "DictConfig":
    """Compose a quick run of the files that `write_inputs` wrote, without their truth."""
    paths = [f"data.{name}='{files[name]}'" for name in ("cells", "tfs")]
    return fast_config(folder, "data=file", *paths, *overrides)


def train(
    config: "DictConfig",
    module: "TrainedModule",
    adata: "AnnData",
    callbacks: Sequence["L.Callback"] = (),
    resume_from: Path | None = None,
) -> "L.Trainer":
    """Fit the module as configured and return the trainer that did it."""
    from grn.data.dataset import CellDataset
    from grn.training.fit import build_loader, build_trainer, fit

    trainer, loader = build_trainer(config, callbacks), build_loader(config, CellDataset(adata))
    fit(module, trainer, loader, seed=config.seed, resume_from=resume_from)
    return trainer


def cells_of(values: Any) -> "AnnData":
    """Name the rows c0, c1, … and the columns g0, g1, … of a matrix."""
    import anndata
    import pandas as pd

    n_cells, n_genes = values.shape
    return anndata.AnnData(
        X=values,
        obs=pd.DataFrame(index=[f"c{i}" for i in range(n_cells)]),
        var=pd.DataFrame(index=[f"g{i}" for i in range(n_genes)]),
    )


def tfs_of(adata: "AnnData") -> list[str]:
    """Return the regulators of simulated cells."""
    return adata.var_names[adata.var["is_tf"]].tolist()


def write_inputs(adata: "AnnData", folder: Path) -> dict[str, Path]:
    """Write simulated cells as a user would have them: `cells`, `tfs` and `truth`."""
    folder.mkdir(parents=True)
    paths = {
        "cells": folder / "cells.h5ad",
        "tfs": folder / "tfs.txt",
        "truth": folder / "truth.csv",
    }
    cells = adata.copy()
    cells.uns.pop("truth").to_csv(paths["truth"], index=False)
    cells.write_h5ad(paths["cells"])
    paths["tfs"].write_text("\n".join(tfs_of(adata)) + "\n")
    return paths


def written(folder: Path) -> set[str]:
    """Return everything below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def changed(files: dict[str, Path], change: Callable[["AnnData"], None]) -> None:
    """Rewrite the cells, dense."""
    import anndata

    adata = anndata.read_h5ad(files["cells"])
    adata.X = adata.X.toarray()
    change(adata)
    adata.write_h5ad(files["cells"])


def refuses(result: tuple[int, str, str], *message: str) -> None:
    """Check what every problem that the user can fix has in common."""
    code, _, err = result
    assert code == 2, err
    assert "Traceback" not in err
    complaint = err[err.rindex("grn: ") :]
    assert len(complaint) > 30
    for part in message:
        assert part.lower() in complaint.lower(), complaint


def cut_off_by_a_full_disk(file: Path, content: Any) -> None:
    """Stand in for `Path.write_bytes` on a disk with room for ten bytes."""
    file.open("wb").write(bytes(content)[:10])
    raise OSError(28, "No space left on device")


def broken(error: BaseException) -> Callable[..., Any]:
    """Return a function of any arguments that raises the error."""

    def fail(*_: object, **__: object) -> None:
        raise error

    return fail
