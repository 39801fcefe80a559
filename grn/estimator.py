"""SphericalGRN: the scverse-style front door over training and read-out."""

import copy
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch

from grn.config import NO_FOLDER, compose_config
from grn.data.dataset import CellDataset
from grn.data.library.tf_lists import read_tf_list
from grn.data.preprocessing.prepare import prepare
from grn.data.preprocessing.preprocess import preprocess
from grn.data.reading.read import select_layer
from grn.errors import InputError
from grn.export import network_adata
from grn.readout import read_attention, read_edges_off
from grn.training.confidence import Confidence, assess, check_confidence, check_in_memory
from grn.training.fit import build_loader, build_module, fit_aside
from grn.training.transfer import load_parameters, read_checkpoint

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.training.module import DenoisingModule


class SphericalGRN:
    """Signed gene regulatory network of some cells, by spherical attention.

    Parameters
    ----------
    adata
        Cells × genes: counts or log-normalised expression; in memory or on disk
        (`sc.read_h5ad(path, backed="r")`), where they stay. Left unchanged. Filters and highly
        variable genes: pass what `grn.preprocess` returns.
    tfs
        Candidate regulators, a file of them, or `"human"` / `"mouse"`; None takes every gene.
    layer
        Key of `adata.layers` to use instead of `X`; `raw` is `adata.raw`.
    aliases
        Other names of regulators and genes, each with the name it stands for
        (`grn.gene_names.read_aliases` reads them from a file).

    Raises
    ------
    InputError
        The cells cannot be used, or fewer than 3 regulators are among the genes.

    Examples
    --------
    >>> model = grn.SphericalGRN(adata, tfs=["SOX2", "NANOG", "POU5F1"])  # doctest: +SKIP
    >>> model.train(seed=0)  # doctest: +SKIP
    >>> model.edges(top=10)  # doctest: +SKIP
    """

    def __init__(
        self,
        adata: "AnnData",
        tfs: Collection[str] | str | Path | None = None,
        layer: str | None = None,
        *,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        listed = read_tf_list(tfs) if isinstance(tfs, str | Path) else tfs
        cells, regulators = prepare(
            select_layer(adata, layer), listed, preprocess, aliases=aliases
        )
        self.adata = cells
        """The preprocessed cells, without genes that do not vary."""
        self.tfs = regulators
        """The regulators among the genes, in their order."""
        self._module: DenoisingModule | None = None
        self._config: Any = None
        self._confidence = Confidence({}, {})

    def train(
        self,
        max_steps: int | None = None,
        *,
        accelerator: str = "auto",
        seed: int = 0,
        overrides: Collection[str] = (),
    ) -> None:
        """Fit the network, with the settings of conf/train.yaml.

        Parameters
        ----------
        max_steps
            Optimisation steps; None: as configured.
        accelerator
            Lightning's: `auto`, `cpu`, `gpu`.
        seed
            Same seed, cells and threads: same edges, byte for byte.
        overrides
            Further settings as on the command line, such as `objective.most_noise=0.5`; not
            those of `data` and `preprocess`: the cells are ready.

        Raises
        ------
        InputError
            A setting is out of range.
        """
        late = [override for override in overrides if override.lstrip("+~").startswith("preproc")]
        if late:
            msg = (
                f"{late[0]} comes too late: the cells are preprocessed already. Pass what "
                "grn.preprocess(adata, ...) returns to SphericalGRN."
            )
            raise InputError(msg)
        config = compose_config([*NO_FOLDER, f"trainer.accelerator={accelerator}", *overrides])
        config.seed = seed
        if max_steps is not None:
            if max_steps < 1:
                msg = f"max_steps is {max_steps}; expected at least 1, or None for the default."
                raise InputError(msg)
            config.trainer.max_steps = max_steps
            # However short it is, there is a validation loss to choose by.
            at_most = min(max_steps, config.trainer.val_check_interval)
            config.trainer.val_check_interval = at_most
        check_confidence(config)
        check_in_memory(config, self.adata)
        cells = CellDataset(self.adata)
        module = build_module(config, cells, self.tfs)
        fit_aside(module, config, build_loader(config, cells))
        self._module, self._config = module, config
        self._confidence = assess(config, self.adata, module)

    def add_confidence(self, *, bootstraps: int = 0, permutations: int = 0) -> None:
        """Fit again to other cells, with the settings of `train`: `edges` gets further columns.

        Takes as many times as long as `train` as there are bootstraps and permutations. What they
        mean says `grn.training.confidence.assess`. A later call replaces the columns.

        Parameters
        ----------
        bootstraps
            Cells drawn with replacement: `stability`, the share of the bootstraps in which an
            edge is among the most important ones, ten per regulator.
        permutations
            Cells whose genes are made independent: `p_value` and `fdr`; one is enough for most
            networks, since its pairs are taken together.

        Raises
        ------
        InputError
            The model is not trained, or was loaded; a number is below 0; permutations of cells on
            disk.
        """
        module = self._trained()
        if self._config is None:
            msg = (
                "the model was loaded, and its fit cannot be repeated. Call train() on these "
                "cells first."
            )
            raise InputError(msg)
        config = copy.deepcopy(self._config)
        config.confidence.update(bootstraps=bootstraps, permutations=permutations)
        check_confidence(config)
        check_in_memory(config, self.adata)
        self._confidence = assess(config, self.adata, module)

    def edges(self, top: int | None = None) -> pd.DataFrame:
        """Return the ranked edges, best first.

        Parameters
        ----------
        top
            How many; None: every TF × gene pair but self.

        Returns
        -------
        Columns `source, target, weight, importance, row_norm`: `weight` is signed (positive:
        activation), `importance` ≥ 0 ranks, `row_norm` is the target's ‖s_i‖. After
        `add_confidence` also `stability`, `p_value` and `fdr`, as far as asked for.

        Raises
        ------
        InputError
            The model is not trained.
        """
        attended = read_attention(self._trained().network)
        genes, columns = self.adata.var_names, self._confidence.columns
        edges = read_edges_off(attended, self.tfs, genes, **columns)
        return edges if top is None else edges.head(top)

    def to_adata(self) -> "AnnData":
        """Return the preprocessed cells with the network in `varp["grn"]`, rows regulators."""
        edges, summary = self.edges(), self._confidence.summary
        seed = None if self._config is None else self._config.seed
        provenance = {"seed": seed, "n_tfs": len(self.tfs), "confidence": summary or None}
        return network_adata(edges, self.adata, provenance)

    def save(self, path: str | Path) -> None:
        """Write the trained parameters with the names of genes and regulators.

        Raises
        ------
        InputError
            The model is not trained.
        """
        module = self._trained()
        torch.save({"state_dict": module.state_dict(), **module.origin()}, path)

    @classmethod
    def load(cls, path: str | Path, adata: "AnnData", layer: str | None = None) -> "SphericalGRN":
        """Apply saved parameters to cells: those it was trained on, or others.

        What carries over to other cells, and what does not, says
        `grn.training.transfer.load_parameters`.

        Parameters
        ----------
        path
            From `save`, or a checkpoint in a run folder.
        adata, layer
            As for the class.

        Raises
        ------
        InputError
            No such checkpoint, or no gene of it is among those of the cells.
        """
        checkpoint = read_checkpoint(path)
        model = cls(adata, checkpoint["grn"]["tfs"], layer)
        config = compose_config(NO_FOLDER)
        config.update(checkpoint["settings"])
        module = build_module(config, CellDataset(model.adata), model.tfs)
        load_parameters(module, checkpoint)
        model._module = module.eval()
        return model

    def _trained(self) -> "DenoisingModule":
        if self._module is None:
            msg = "the model is not trained. Call train() first, or SphericalGRN.load()."
            raise InputError(msg)
        return self._module
