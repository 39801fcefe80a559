"""What known edges that train make of a run: its split, its edge table and its controls."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig

from grn.edges.matrix import edge_table, locate
from grn.errors import InputError
from grn.evaluation.candidates import Candidates, score_candidates
from grn.model.pretrained import GeneNetwork
from grn.readout import read_map
from grn.supervised.genelink import apply_split
from grn.supervised.lessons import place
from grn.supervised.module import SupervisedModule
from grn.supervised.network_controls import CONTROLS
from grn.supervised.splits import Split

logger = logging.getLogger(__name__)

_SUPERVISED = "grn.supervised.module.KnownEdges"


def make_split(
    config: DictConfig, truth: pd.DataFrame | None, tfs: Sequence[str], genes: Sequence[str]
) -> Split | None:
    """Split the truth as configured; None where the run is not supervised.

    Raises
    ------
    InputError
        `objective=supervised` without a split or a truth, a split with another objective, or a
        network too small to be split.
    """
    supervised = config.objective._target_ == _SUPERVISED
    if supervised != (config.split is not None):
        msg = (
            f"got objective={config.objective._target_} and split="
            f"{'null' if config.split is None else config.split._target_}; expected "
            "objective=supervised together with split=genelink, both_seen, unseen_tf, "
            "unseen_target or both_unseen, or neither."
        )
        raise InputError(msg)
    if not supervised:
        return None
    if truth is None:
        msg = (
            "objective=supervised trains on known edges, and these data have none: set data.truth."
        )
        raise InputError(msg)
    logger.warning(
        "SUPERVISED: known edges train this network. Only the test part of the split judges it, "
        "and the edge table says which pairs were known."
    )
    return apply_split(instantiate(config.split), truth, tfs, genes)


def beside_controls(judged: Mapping[str, dict[str, float]], split: Split) -> pd.DataFrame:
    """Put the controls that see no expression below what was judged.

    Returns
    -------
    As `grn.evaluate`: the rows given, then `degree` and `walk` of
    `grn.supervised.network_controls`.
    """
    controls = {
        name: score_candidates(split.test, *control(split)) for name, control in CONTROLS.items()
    }
    rows = {**judged, **controls}
    return pd.DataFrame.from_dict(rows, orient="index").astype({"n_candidates": int})


def supervised_edges(
    module: SupervisedModule, network: GeneNetwork, names: Mapping[str, list[str]], split: Split
) -> pd.DataFrame:
    """Build the complete edge table of a supervised module.

    Returns
    -------
    Columns `source, target, weight, importance, row_norm, part, known`: the log odds of an edge
    (negative is no repression, but a pair that is likely none), the same above the least, the
    target's ‖s_i‖ before known edges were told, the part of the split that the pair is in
    (`training`, `validation`, `test` or `none`), and whether it was given as a true edge in
    training (1).
    """
    tfs, genes = names["tfs"], names["genes"]
    log_odds = module.log_odds().astype(np.float64)
    part = np.full(log_odds.shape, "none", dtype=object)
    for name in ("training", "validation", "test"):
        judged: Candidates = getattr(split, name)
        part[place(judged, judged.pairs, tfs, genes)] = name
    extra = {
        "row_norm": read_map(network.scores, locate(tfs, genes)).row_norm,
        "part": part,
        "known": place(split.training, split.training.labels, tfs, genes).astype(int),
    }
    return edge_table(log_odds, log_odds - log_odds.min(), tfs, genes, **extra)
