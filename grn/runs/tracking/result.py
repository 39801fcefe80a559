"""Records the result of a run: its metrics beside their controls, tables, pictures and files."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lightning.pytorch.loggers import Logger
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from grn.evaluation import precision_recall
from grn.expression import is_on_disk
from grn.plotting.attention import attention
from grn.plotting.precision_recall import precision_recall as draw_precision_recall
from grn.runs.inputs import Found, Inputs
from grn.runs.tracking.tracker import Tracker

# The tables are for browsing; an artifact beside them holds the complete list.
_TABLE_ROWS = 10_000
_POINTS = 200  # of an interactive curve; the picture beside it has every one
_BARS = ("auprc_ratio", "early_precision_ratio", "auroc", "sign_accuracy")
_SAME_FOR_ALL = {"density", "n_candidates"}
_CHECKPOINTS = ("checkpoints/best.ckpt", "checkpoints/network.ckpt")
_N_TFS, _N_GENES = 30, 60  # of the heat map


def log_result(run_logger: Any, found: Found, inputs: Inputs, folder: Path) -> None:
    """Record the result, and end the run of wandb.

    Parameters
    ----------
    run_logger
        Lightning logger of the run. Loggers other than `Tracker` record the numbers alone.
    found
        Findings of the run.
    inputs
        What it was found from; the known edges give the precision–recall curves.
    folder
        The complete run folder.
    """
    if not isinstance(run_logger, Logger):
        return
    numbers = final_numbers(found)
    if not isinstance(run_logger, Tracker):
        run_logger.log_metrics(numbers, step=int(found.record.get("steps") or 0))
        run_logger.save()
        return
    steps: dict[str, Callable[[Any], None]] = {
        "the summary": lambda run: run.summary.update(numbers),
        "the tables": lambda run: run.log(_tables(found)),
        "the attention map": lambda run: run.log(_attention(found.edges)),
        "the precision–recall curves": lambda run: run.log(_curves(found, inputs)),
        "the report": lambda run: _log_report(run, folder),
        "the edge list and the checkpoint": lambda run: _log_files(run, found, folder),
    }
    for what, action in steps.items():
        run_logger.attempt(what, lambda action=action: action(run_logger.experiment))  # type: ignore[misc]
    run_logger.finish()


def final_numbers(found: Found) -> dict[str, float]:
    """Return the last values of all metrics, by names that sort into panels.

    Returns
    -------
    `final/METRIC` of the edges and `control/METHOD/METRIC` of each control, `prediction/NAME` for
    R² on held-out cells and its baselines, and duration and steps; undefined values are left out.
    """
    numbers: dict[str, Any] = {}
    if found.metrics is not None:
        for method, row in found.metrics.to_dict(orient="index").items():
            named = "final" if method == "edges" else f"control/{method}"
            kept = row if method == "edges" else {k: row[k] for k in row.keys() - _SAME_FOR_ALL}
            numbers |= {f"{named}/{metric}": value for metric, value in kept.items()}
    prediction = found.record.get("prediction") or {}
    numbers |= {f"prediction/{name}": value for name, value in prediction.items()}
    numbers |= {
        f"run/{name}": found.record.get(name)
        for name in ("seconds", "steps", "best_validation_loss")
    }
    numbers["run/n_edges"] = len(found.edges)
    defined = {name: float(value) for name, value in numbers.items() if value is not None}
    return {name: value for name, value in sorted(defined.items()) if math.isfinite(value)}


def _tables(found: Found) -> dict[str, Any]:
    import wandb

    edges = found.edges
    logged: dict[str, Any] = {"edges": wandb.Table(dataframe=edges.head(_TABLE_ROWS))}
    norms = edges.drop_duplicates("target")["row_norm"]
    logged["row_norm"] = wandb.Histogram(norms.to_numpy())
    if found.by_group is not None:
        by_group = found.by_group
        share = max(1, _TABLE_ROWS // by_group["group"].nunique())
        best = by_group.groupby("group", sort=False, observed=True).head(share)
        logged["edges_by_group"] = wandb.Table(dataframe=best.astype({"group": str}))
    if found.metrics is not None:
        named = found.metrics.rename_axis("method").reset_index()
        logged["evaluation"] = wandb.Table(dataframe=named)
        for metric in _BARS:
            if metric not in named or named[metric].isna().all():
                continue
            bars = wandb.Table(dataframe=named[["method", metric]].dropna())
            title = f"{metric.replace('_', ' ')} beside the controls"
            logged[f"evaluation/{metric}"] = wandb.plot.bar(bars, "method", metric, title=title)
    return logged


def _attention(edges: pd.DataFrame) -> dict[str, Any]:
    import wandb

    shown = min(_N_TFS, edges["source"].nunique()), min(_N_GENES, edges["target"].nunique())
    # A figure of its own: with pyplot it would also appear in notebooks. The label of the colour
    # bar needs the least height.
    size = (2.6 + 0.145 * shown[1], max(3.6, 1.9 + 0.145 * shown[0]))
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    attention(edges, *shown, ax=figure.subplots())
    caption = "Signed attention of the strongest regulators and targets"
    return {"attention": wandb.Image(figure, caption=caption)}


def _curves(found: Found, inputs: Inputs) -> dict[str, Any]:
    import wandb

    if inputs.truth is None:
        return {}
    if "part" in found.edges:
        curves = _test_curves(found.edges, inputs.truth)
    else:
        # The controls would read the whole file once more.
        adata = None if is_on_disk(inputs.adata.X) else inputs.adata
        curves = precision_recall(found.edges, inputs.truth, adata)
    figure = Figure(figsize=(7.2, 4.2), layout="constrained", dpi=150)
    draw_precision_recall(curves, ax=figure.subplots())
    thinned = pd.concat(_thinned(curve) for _, curve in curves.groupby("method", sort=False))
    table = wandb.Table(dataframe=thinned)
    line = wandb.plot.line(table, "recall", "precision", "method", "Precision against recall")
    return {"precision_recall": line, "precision_recall_picture": wandb.Image(figure)}


def _test_curves(edges: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Return precision and recall on the test part of a split alone."""
    test = edges[edges["part"] == "test"]
    true = pd.MultiIndex.from_frame(truth[["source", "target"]])
    labels = pd.MultiIndex.from_frame(test[["source", "target"]]).isin(true)
    precision, recall, _ = precision_recall_curve(labels, test["importance"])
    # The last point is scikit-learn's own, not a threshold.
    ours = {"method": "edges", "recall": recall[-2::-1], "precision": precision[-2::-1]}
    random = {"method": "random", "recall": [0.0, 1.0], "precision": float(labels.mean())}
    return pd.concat([pd.DataFrame(ours), pd.DataFrame(random)], ignore_index=True)


def _thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """Return points at about equal steps of log recall, where mostly the best edges are."""
    if len(curve) <= _POINTS:
        return curve
    rows = np.unique(np.geomspace(1, len(curve), _POINTS).astype(int)) - 1
    return curve.iloc[rows]


def _log_report(run: Any, folder: Path) -> None:
    import wandb

    report = folder / "report.html"
    if report.exists():
        run.log({"report": wandb.Html(str(report), inject=False)})


def _log_files(run: Any, found: Found, folder: Path) -> None:
    """Record edges and checkpoint as outputs of the run, and so of the cells it used."""
    import wandb

    metadata = {"run": run.id, "n_edges": len(found.edges), **final_numbers(found)}
    edges = wandb.Artifact(f"edges-{run.id}", type="edge-list", metadata=metadata)
    files = [folder / "edges.tsv", folder / "edges_by_group.tsv"]
    checkpoint = wandb.Artifact(f"checkpoint-{run.id}", type="model", metadata=metadata)
    stored = [folder / name for name in _CHECKPOINTS]
    for artifact, candidates in ((edges, files), (checkpoint, stored)):
        present = [path for path in candidates if path.exists()]
        for path in present:
            # The files of a complete run do not change, so wandb need not copy them.
            artifact.add_file(str(path), policy="immutable", skip_cache=True)
        if present:
            run.log_artifact(artifact)
