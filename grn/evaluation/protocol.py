"""BEELINE's protocol: evaluates edges against known ones, beside controls."""

import logging
import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse
from sklearn.metrics import precision_recall_curve

from grn.edges.matrix import adjacency, degrees
from grn.edges.read import read_edges, read_truth
from grn.errors import InputError
from grn.evaluation import controls
from grn.evaluation.candidates import (
    Candidates,
    TruthScorer,
    candidates,
    score_candidates,
    score_random,
    unlisted_last,
)
from grn.evaluation.closed_form import closed_form, closed_form_max
from grn.expression import row_blocks
from grn.names.regulators import hint

logger = logging.getLogger(__name__)

EdgeList: TypeAlias = str | Path | pd.DataFrame
_LaidOut: TypeAlias = tuple[np.ndarray | None, np.ndarray]

_FROM_EXPRESSION = {
    "target_mean": controls.target_mean,
    "tf_variance": controls.tf_variance,
    "pearson": controls.pearson,
    "closed_form": closed_form,
    "closed_form_max": closed_form_max,
}


def evaluate(
    edges: EdgeList,
    truth: EdgeList,
    adata: AnnData | None = None,
    *,
    extra: Mapping[str, EdgeList] | None = None,
    training_edges: EdgeList | None = None,
    seed: int = 0,
    n_random: int = 100,
) -> pd.DataFrame:
    """Score a ranked edge list, and the controls, against known edges.

    Candidates are (TF with ≥ 1 true edge) × (gene in the truth) without self-pairs, at natural
    density (Pratapa et al. 2020); a pair that is not listed ranks below every listed one.

    Parameters
    ----------
    edges, truth
        Tables or files, see `grn.edges.read.read_edges` and `read_truth`.
    adata
        Preprocessed log expression, cells × genes; adds the controls that need it.
    extra
        Further edge lists by name, for instance the untrained model.
    training_edges
        Known edges the method was trained on; they are no candidates, and add the degree control.
    seed, n_random
        Seed and number of the random rankings, whose mean is the random control.

    Returns
    -------
    One row per method, `edges` first; columns `auprc, auprc_ratio, auroc, early_precision_ratio,
    per_tf_auroc, sign_accuracy, density, n_candidates`; NaN where undefined. A list without a
    negative weight has no sign accuracy.

    Raises
    ------
    InputError
        An input cannot be read, or the genes of the truth do not occur.

    Examples
    --------
    >>> known = pd.DataFrame({"source": ["A", "A", "B"], "target": ["B", "C", "D"]})
    >>> ranked = known.assign(weight=[0.9, -0.8, 0.1])
    >>> grn.evaluate(ranked, known).loc["edges", ["auprc", "density", "auprc_ratio"]].tolist()
    [1.0, 0.5, 2.0]
    """
    known = None if training_edges is None else read_truth(training_edges)
    judged = candidates(read_truth(truth), known)
    rows = {}
    for name, matrices in _lay_out(judged, edges, adata, extra or {}, known):
        rows[name] = score_candidates(judged, *matrices)
        if name == "edges":
            rows["random"] = rows["edges"] | score_random(judged, n_draws=n_random, seed=seed)
    return pd.DataFrame.from_dict(rows, orient="index").astype({"n_candidates": int})


def evaluate_json(table: pd.DataFrame) -> dict[str, Any]:
    """Turn the table of `evaluate` into plain JSON values, the controls nested, null for NaN."""
    rows = {
        name: {key: None if math.isnan(value) else value for key, value in row.items()}
        for name, row in table.to_dict(orient="index").items()
    }
    return {**rows.pop("edges"), "controls": rows}


def precision_recall(
    edges: EdgeList,
    truth: EdgeList,
    adata: AnnData | None = None,
    *,
    extra: Mapping[str, EdgeList] | None = None,
    training_edges: EdgeList | None = None,
) -> pd.DataFrame:
    """Precision and recall at every threshold, for `grn.pl.precision_recall`.

    Parameters are those of `evaluate`.

    Returns
    -------
    Columns `method, recall, precision`, by descending threshold; `random` is the line at the
    density of true edges.

    Examples
    --------
    >>> curves = grn.precision_recall(edges, adata.uns["truth"])
    >>> curves["method"].unique().tolist()
    ['edges', 'random']
    """
    known = None if training_edges is None else read_truth(training_edges)
    judged = candidates(read_truth(truth), known)
    labels = judged.labels[judged.pairs]
    curves = []
    for name, (_, importance) in _lay_out(judged, edges, adata, extra or {}, known):
        scores = unlisted_last(importance)[judged.pairs]
        precision, recall, _ = precision_recall_curve(labels, scores, drop_intermediate=True)
        # The last point is scikit-learn's own (recall 0, precision 1), not a threshold.
        curve = {"method": name, "recall": recall[-2::-1], "precision": precision[-2::-1]}
        curves.append(pd.DataFrame(curve))
    random = {"method": "random", "recall": [0.0, 1.0], "precision": labels.mean()}
    return pd.concat([*curves, pd.DataFrame(random)], ignore_index=True)


def _lay_out(
    judged: Candidates,
    edges: EdgeList,
    adata: AnnData | None,
    extra: Mapping[str, EdgeList],
    known: pd.DataFrame | None,
) -> Iterator[tuple[str, _LaidOut]]:
    """Yield weight and importance of each method over the candidates, the edges first."""
    yield "edges", _lay_out_edges(judged, read_edges(edges), "edges")
    if adata is not None:
        yield from _lay_out_controls(judged, adata)
    if known is not None:
        yield "degree", controls.degree(*degrees(known, judged.tfs, judged.genes))
    for name, others in extra.items():
        yield name, _lay_out_edges(judged, read_edges(others), name)


def _lay_out_edges(judged: Candidates, edges: pd.DataFrame, name: str) -> _LaidOut:
    _check_names(judged, edges["source"].unique(), edges["target"].unique(), name)
    importance = adjacency(edges, judged.tfs, judged.genes, "importance", fill=-np.inf)
    signed = (edges["weight"] < 0).any()
    return adjacency(edges, judged.tfs, judged.genes) if signed else None, importance


def _lay_out_controls(judged: Candidates, adata: AnnData) -> Iterator[tuple[str, _LaidOut]]:
    expression, genes = adata.X, adata.var_names
    _check_names(judged, genes, genes, "expression data")
    if not all(_is_expression(block) for _, block in row_blocks(expression)):
        msg = (
            "The expression for the controls holds negative or non-finite values. Expected "
            "log-normalised expression ≥ 0: pass the preprocessed cells, not scaled ones."
        )
        raise InputError(msg)
    tf_index = np.flatnonzero(genes.isin(judged.tfs))
    scorer = TruthScorer(judged, genes[tf_index], genes)
    for name, control in _FROM_EXPRESSION.items():
        weight, importance = control(expression, tf_index)
        # In float32 both directions of a symmetric score tie, which fp64 rounding would break by
        # the order of the genes.
        yield name, scorer.lay_out(weight, importance.astype(np.float32))


def _is_expression(block: Any) -> bool:
    values = block.data if sparse.issparse(block) else block
    return bool(np.isfinite(values).all() and values.min(initial=0.0) >= 0)


def _check_names(
    judged: Candidates, sources: Collection[str], targets: Collection[str], where: str
) -> None:
    """Refuse names that never meet those of the truth; say how many are missing otherwise."""
    for role, wanted, given in (("TF", judged.tfs, sources), ("gene", judged.genes, targets)):
        missing = set(wanted) - set(given)
        if len(missing) == len(wanted):
            msg = f"No {role} of the truth occurs in the {where}. {hint(wanted, given)}"
            raise InputError(msg)
        if missing:
            logger.warning(
                "%d of %d %ss of the truth do not occur in the %s: their pairs rank last",
                *(len(missing), len(wanted), role, where),
            )
