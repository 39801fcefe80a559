"""SphericalGRN: the network of some cells, in the style of scverse."""

import copy
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from grn.config import NO_FOLDER, compose_config
from grn.data.preprocessing.perturbed_obs import PERTURBATION
from grn.export import network_adata
from grn.expression import fingerprint
from grn.inference.arguments import check_count, speaking_python
from grn.inference.confidence import Confidence, check_confidence, check_permutations
from grn.inference.labelled_cells import prepare_labelled
from grn.inference.networks import LABELS, Networks, describe
from grn.inference.prior import named_prior
from grn.training.aside import restore_predictor, train_predictor
from grn.training.checkpoint import describe_origin, read_checkpoint, settings_of, stored_network
from grn.training.configure import configure_training
from grn.training.serialise import write_tensors
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
        Candidate regulators, a file of them, or a species (`human`, …); None takes every gene.
    layer
        Key of `adata.layers` to use instead of `X`; `raw` is `adata.raw`.
    aliases
        Other names of regulators and genes, each with the name it stands for
        (`grn.names.symbols.read_aliases` reads them from a file).
    groupby
        Column of `adata.obs`, such as `cell_type`: a network for each group (`edges_by_group`).
    batch
        Column of `adata.obs`, such as `donor`: means of batches are made equal, gene by gene.
    perturbations, control, perturbation_kind
        Column of `adata.obs` that says which genes are perturbed in which cells; its label of
        controls; `knock-out`, `knock-down` or `activation` (docs/formats.md).
    prior
        Known edges that rank first, or motifs: a table, a file or a name (docs/priors.md).

    Raises
    ------
    InputError
        The cells cannot be used, fewer than 3 regulators are among the genes, or a column of
        labels is missing, has gaps or is not understood.

    Examples
    --------
    >>> adata = grn.simulate(n_tfs=4, n_targets=12, n_cells=60)
    >>> model = grn.SphericalGRN(adata, ["TF01", "TF02", "TF03", "TF04"], groupby="lineage")
    >>> len(model.edges(top=10)), model.edges_by_group()["group"].nunique()
    (10, 3)
    >>> model.add_confidence(bootstraps=1)
    >>> "stability" in model.edges(), model.to_adata().varp["grn"].shape
    (True, (16, 16))
    >>> model.train(max_steps=1, progress=False)
    >>> model.save("model.pt")
    >>> again = grn.SphericalGRN.load("model.pt", adata)
    >>> (again.edges()["weight"] == model.edges()["weight"]).all().item()
    True
    """

    def __init__(
        self,
        adata: "AnnData",
        tfs: Iterable[str] | str | Path | None = None,
        layer: str | None = None,
        *,
        aliases: Mapping[str, str] | None = None,
        groupby: str | None = None,
        batch: str | None = None,
        perturbations: str | None = None,
        control: str | None = None,
        perturbation_kind: str | None = None,
        prior: str | Path | pd.DataFrame | None = None,
    ) -> None:
        self._config: Any = compose_config(NO_FOLDER)
        labels = (groupby, batch, perturbations, control, perturbation_kind)
        self._config.data.update(zip(LABELS, labels, strict=True))
        with speaking_python():
            cells, regulators = prepare_labelled(self._config, adata, tfs, layer, aliases)
            known = named_prior(self._config, prior, cells.var_names, tfs, aliases)
            self._networks = Networks(self._config, cells, regulators, prior=known)
        self.adata = cells
        """The preprocessed cells, without genes that do not vary."""
        self.tfs = regulators
        """The regulators among the genes, in their order."""
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
        config = configure_training(max_steps, accelerator, seed, overrides, progress=progress)
        config.data.update({key: self._config.data[key] for key in LABELS})
        config.prior = self._config.prior
        check_settings(config)
        check_confidence(config)
        check_permutations(config, self.adata)
        self._networks, self._config = self._networks.with_settings(config), config
        cells, origin = self._networks.cells, self._origin(None)
        self._module, self.prediction = train_predictor(config, cells, self.tfs, origin)
        self._confidence = self._networks.assess(config)

    def add_confidence(self, *, bootstraps: int = 0, permutations: int = 0) -> None:
        """Find the networks of other cells, with the same settings: `edges` gets further columns.

        Each bootstrap and permutation takes as long as finding the network
        (`grn.inference.confidence.assess`). A later call replaces the columns.

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
        check_permutations(config, self.adata)
        self._confidence = self._networks.assess(config)

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
        edges = self._networks.edges(**self._confidence.columns)
        return edges if top is None else edges.head(top)

    def edges_by_group(self, top: int | None = None) -> pd.DataFrame:
        """Return the ranked edges of every group of cells, by partial pooling.

        The network of a group of n cells is a mean of that of all cells and that of its own
        cells, which counts n / (n + 600) (`grn.inference.groups.infer_groups`).

        Parameters
        ----------
        top
            How many of each group; None: every TF × gene pair but self.

        Returns
        -------
        Columns `group, source, target, weight, importance`, best first.
        """
        if top is not None:
            check_count("top", top, least=0)
        return self._networks.edges_by_group(top)

    def to_adata(self) -> "AnnData":
        """Return the preprocessed cells with the network in `varp["grn"]`, rows regulators.

        The network of a group of cells is in `varp["grn:GROUP"]`.
        """
        confidence = self._confidence.summary or None
        provenance = {**self._networks.provenance, "confidence": confidence}
        by_group = None if self._config.data.groupby is None else self.edges_by_group()
        return network_adata(self.edges(), self.adata, provenance, by_group)

    def save(self, path: str | Path) -> None:
        """Write network and predictor, as far as it is trained, with the names of the genes.

        Raises
        ------
        InputError
            The folder does not exist or cannot be written to.
        """
        module = {} if self._module is None else {"state_dict": self._module.state_dict()}
        write_tensors({**self._origin(self._fingerprint()), **module}, path)

    @classmethod
    def load(
        cls,
        path: str | Path,
        adata: "AnnData",
        layer: str | None = None,
        *,
        groupby: str | None = None,
        batch: str | None = None,
        perturbations: str | None = None,
        control: str | None = None,
        perturbation_kind: str | None = None,
    ) -> "SphericalGRN":
        """Apply what was saved to cells: those it was made of, or others.

        The same cells have the same network and predictor again. The network of others is found
        anew, with the saved settings; of the predictor only what belongs to no gene carries over.

        Parameters
        ----------
        path
            From `save`, or a checkpoint in a run folder.
        adata, layer, groupby, batch, perturbations, control, perturbation_kind
            As for the class.

        Raises
        ------
        InputError
            No such checkpoint, one of an earlier version, or none of its genes is in the cells.
        """
        checkpoint = read_checkpoint(path)
        labels = (groupby, batch, perturbations, control, perturbation_kind)
        named: Any = dict(zip(LABELS, labels, strict=True))
        model = cls(adata, checkpoint["grn"]["tfs"], layer, **named)
        model._config = settings_of(model._config, checkpoint)
        names, digest = model._names(), model._fingerprint()
        known = stored_network(checkpoint, names, digest)
        model._networks = Networks(model._config, model.adata, model.tfs, known)
        if "state_dict" in checkpoint:
            cells, origin = model._networks.cells, model._origin(digest)
            model._module = restore_predictor(
                model._config, cells, model.tfs, origin, checkpoint, same_cells=known is not None
            )
        return model

    def __repr__(self) -> str:
        return describe(self.adata.shape, len(self.tfs), self._networks, self.prediction)

    def _names(self) -> dict[str, list[str]]:
        return {"genes": self.adata.var_names.tolist(), "tfs": self.tfs}

    def _fingerprint(self) -> str:
        return fingerprint(self.adata, self.adata.obs.get(PERTURBATION))

    def _origin(self, cells: str | None) -> dict[str, Any]:
        config, networks = self._config, self._networks
        return describe_origin(config, self._names(), networks.shared, networks.transformer, cells)
