"""SphericalGRN: the scverse-style front door to the network of some cells."""

import copy
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch

from grn.config import NO_FOLDER, compose_config
from grn.data.dataset import CellDataset
from grn.data.datasets.tf_lists import read_tf_list
from grn.data.preprocessing.prepare import prepare
from grn.data.preprocessing.preprocess import preprocess
from grn.data.reading.layers import select_layer
from grn.export import network_adata
from grn.expression import fingerprint
from grn.files import replacing
from grn.inference.arguments import (
    check_adata,
    check_aliases,
    check_count,
    name_list,
    speaking_python,
)
from grn.inference.confidence import Confidence, assess, check_confidence, check_in_memory
from grn.inference.infer import describe_transformer, infer_network, log_belief
from grn.model.pretrained import GeneNetwork
from grn.readout import read_edges_off, with_cells
from grn.training.checkpoint import (
    describe_origin,
    load_predictor,
    read_checkpoint,
    stored_network,
)
from grn.training.configure import configure_training
from grn.training.fit import build_loader, build_predictor, fit_aside
from grn.training.prediction import judge_start, r_squared
from grn.training.settings import check_settings

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.training.module import PredictionModule


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
        (`grn.names.symbols.read_aliases` reads them from a file).

    Raises
    ------
    InputError
        The cells cannot be used, or fewer than 3 regulators are among the genes.

    Examples
    --------
    >>> model = grn.SphericalGRN(adata, tfs=["SOX2", "NANOG", "POU5F1"])  # doctest: +SKIP
    >>> model.edges(top=10)  # doctest: +SKIP
    """

    def __init__(
        self,
        adata: "AnnData",
        tfs: Iterable[str] | str | Path | None = None,
        layer: str | None = None,
        *,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        with speaking_python():
            check_adata(adata)
            listed = read_tf_list(tfs) if isinstance(tfs, str | Path) else name_list(tfs)
            selected = select_layer(adata, layer)
            cells, regulators = prepare(
                selected, listed, preprocess, aliases=check_aliases(aliases)
            )
        self.adata = cells
        """The preprocessed cells, without genes that do not vary."""
        self.tfs = regulators
        """The regulators among the genes, in their order."""
        self._config: Any = compose_config(NO_FOLDER)
        self._network: GeneNetwork | None = None
        self._module: PredictionModule | None = None
        self._confidence = Confidence({}, {})
        self.prediction: dict[str, float | None] | None = None
        """R² of predicted expression on held-out cells, once trained: `r2`, beside `mean`,
        `ridge` (None above 3000 regulators) and `start`, the predictor before training."""

    def train(
        self,
        max_steps: int | None = None,
        *,
        accelerator: str = "auto",
        seed: int = 0,
        progress: bool = True,
        overrides: Collection[str] = (),
    ) -> None:
        """Train the predictor of expression, with the settings of conf/train.yaml.

        The edges do not depend on it: they are those of the pretrained transformer.

        Parameters
        ----------
        max_steps
            Optimisation steps; None: as configured.
        accelerator
            Lightning's: `auto`, `cpu`, `gpu`.
        seed
            Same seed, cells and threads: same predictor, byte for byte.
        progress
            Whether it is shown how far training is: a bar on a terminal, else lines of the log.
        overrides
            Further settings as on the command line, such as `objective.most_noise=0.5`; not
            those of `data` and `preprocess`: the cells are ready.

        Raises
        ------
        InputError
            A setting is out of range.
        """
        config = configure_training(max_steps, accelerator, seed, overrides)
        if not progress:
            config.callbacks.progress_bar = None
        check_settings(config)
        check_confidence(config)
        check_in_memory(config, self.adata)
        if (config.model, config.seed) != (self._config.model, self._config.seed):
            self._network = None
        self._config = config
        cells, origin = CellDataset(self.adata), self._origin(None)
        loader = build_loader(config, cells)
        module = build_predictor(config, cells, self.tfs, loader, origin)
        prediction = judge_start(module, loader, self.tfs, config.seed)
        fit_aside(module, config, loader)
        self._module = module
        self.prediction = {"r2": r_squared(module, loader), **prediction}
        self._confidence = assess(config, self.adata, self.tfs, self._found())

    def add_confidence(self, *, bootstraps: int = 0, permutations: int = 0) -> None:
        """Find the networks of other cells, with the same settings: `edges` gets further columns.

        Takes as many times as long as finding the network as there are bootstraps and
        permutations. What they mean says `grn.inference.confidence.assess`. A later call replaces
        the columns.

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
            A number is below 0; permutations of cells on disk.
        """
        config = copy.deepcopy(self._config)
        check_count("bootstraps", bootstraps, least=0)
        check_count("permutations", permutations, least=0)
        config.confidence.update(bootstraps=bootstraps, permutations=permutations)
        check_confidence(config)
        check_in_memory(config, self.adata)
        self._confidence = assess(config, self.adata, self.tfs, self._found())

    def edges(self, top: int | None = None) -> pd.DataFrame:
        """Return the ranked edges, best first; the first call finds the network.

        Parameters
        ----------
        top
            How many; None: every TF × gene pair but self.

        Returns
        -------
        Columns `source, target, weight, importance, row_norm`: `weight` is signed (positive:
        activation), `importance` ≥ 0 ranks, `row_norm` is the target's ‖s_i‖;
        `n_cells_source` and `n_cells_target` count the cells in which a gene is seen. After
        `add_confidence` also `stability`, `p_value` and `fdr`, as far as asked for.
        """
        if top is not None:
            check_count("top", top, least=0)
        scores, genes = self._found().scores, self.adata.var_names
        edges = read_edges_off(scores, self.tfs, genes, **self._confidence.columns)
        edges = with_cells(edges, self.adata.var)
        return edges if top is None else edges.head(top)

    def to_adata(self) -> "AnnData":
        """Return the preprocessed cells with the network in `varp["grn"]`, rows regulators."""
        edges, summary = self.edges(), self._confidence.summary
        provenance = {
            "seed": self._config.seed,
            "n_tfs": len(self.tfs),
            "belief": self._found().belief,
            "transformer": describe_transformer(self._config),
            "confidence": summary or None,
        }
        return network_adata(edges, self.adata, provenance)

    def save(self, path: str | Path) -> None:
        """Write network and predictor, as far as it is trained, with the names of the genes.

        Raises
        ------
        InputError
            The folder does not exist or cannot be written to.
        """
        stored = self._origin(fingerprint(self.adata))
        if self._module is not None:
            stored["state_dict"] = self._module.state_dict()
        with replacing(path) as temporary, temporary.open("wb") as file:
            torch.save(stored, file)

    @classmethod
    def load(cls, path: str | Path, adata: "AnnData", layer: str | None = None) -> "SphericalGRN":
        """Apply what was saved to cells: those it was made of, or others.

        The same cells have the same network and predictor again. The network of other cells is
        found anew, with the saved settings; of the predictor only what belongs to no gene carries
        over.

        Parameters
        ----------
        path
            From `save`, or a checkpoint in a run folder.
        adata, layer
            As for the class.

        Raises
        ------
        InputError
            No such checkpoint, one of an earlier version, or no gene of it is among those of the
            cells.
        """
        checkpoint = read_checkpoint(path)
        model = cls(adata, checkpoint["grn"]["tfs"], layer)
        model._config.merge_with(checkpoint["settings"])
        cells = CellDataset(model.adata)
        names, digest = model._names(), fingerprint(model.adata)
        model._network = stored_network(checkpoint, names, digest)
        same_cells = model._network is not None
        if "state_dict" in checkpoint:
            loader = build_loader(model._config, cells)
            origin = model._origin(digest)
            model._module = build_predictor(model._config, cells, model.tfs, loader, origin)
            load_predictor(model._module, checkpoint, same_cells=same_cells)
        return model

    def _found(self) -> GeneNetwork:
        """Return the network, which is found when it is first needed."""
        if self._network is None:
            cells = CellDataset(self.adata)
            self._network = infer_network(self._config, cells, self.tfs)
            log_belief(self._network)
        return self._network

    def _names(self) -> dict[str, list[str]]:
        return {"genes": self.adata.var_names.tolist(), "tfs": self.tfs}

    def _origin(self, cells: str | None) -> dict[str, Any]:
        transformer = describe_transformer(self._config)
        return describe_origin(self._config, self._names(), self._found(), transformer, cells)
