"""The split, the edge table and the controls of a supervised run."""

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
from grn.supervised.lessons import place
from grn.supervised.module import SupervisedModule
from grn.supervised.network_controls import NETWORK_CONTROLS
from grn.supervised.splits import Split, apply_split

logger = logging.getLogger(__name__)


def split_truth(
    config: DictConfig, truth: pd.DataFrame | None, tfs: Sequence[str], genes: Sequence[str]
) -> Split:
    """Split the known edges of a supervised run as configured, and warn that they train it.

    Parameters
    ----------
    config
        As composed from conf/train.yaml with a `split`.
    truth
        Known edges, or None.
    tfs, genes
        Regulators and genes of the cells.

    Raises
    ------
    InputError
        There is no truth, or the network is too small to be split.
    """
    if truth is None:
        msg = (
            "objective=supervised trains on known edges, and these data have none: set data.truth."
        )
        raise InputError(msg)
    logger.warning(
        "SUPERVISED: known edges train this network. Only the test part of the split evaluates "
        "it, and the edge table says which pairs were known."
    )
    return apply_split(instantiate(config.split), truth, tfs, genes)


def beside_controls(judged: Mapping[str, dict[str, float]], split: Split) -> pd.DataFrame:
    """Add the controls that see no expression below the evaluated methods.

    Returns
    -------
    As `grn.evaluate`: the rows given, then `degree` and `walk` of
    `grn.supervised.network_controls`.
    """
    controls = {
        name: score_candidates(split.test, *control(split))
        for name, control in NETWORK_CONTROLS.items()
    }
    rows = {**judged, **controls}
    return pd.DataFrame.from_dict(rows, orient="index").astype({"n_candidates": int})


def supervised_edges(
    module: SupervisedModule, network: GeneNetwork, names: Mapping[str, list[str]], split: Split
) -> pd.DataFrame:
    """Build the complete edge table of a supervised module.

    Returns
    -------
    Columns `source, target, weight, importance, row_norm, part, known`: the log odds of an edge (a
    negative value is no repression, but an unlikely edge), the same minus its minimum, ‖s_i‖ of
    the target before training on known edges, the part of the split that holds the pair
    (`training`, `validation`, `test` or `none`), and whether it was a true edge in training (1).
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
