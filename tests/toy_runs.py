"""Run folders made of numbers drawn at random, as a run writes them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HOSTILE = "<script>alert(1)</script>"
METRICS: dict[str, Any] = {
    "evaluation": {
        "auprc": 0.726,
        "auprc_ratio": 4.19,
        "auroc": 0.88,
        "sign_accuracy": None,
        "controls": {
            "random": {"auprc": 0.173, "auprc_ratio": 1.02, "auroc": 0.498},
            "pearson": {"auprc": 0.467, "auprc_ratio": 2.69, "auroc": 0.75},
            "pretrained": {"auprc": 0.8, "auprc_ratio": 4.8, "auroc": 0.9},
        },
    },
    "regime": "unsupervised",
    "belief": {"share_of_closed_form": 0.25},
    "data": "blood",
    "n_tfs": 40,
    "tf_names": {"asked": 45, "counts": {"unmatched": 5}, "examples": {"unmatched": ["Gata1"]}},
    "preprocessing": {"input": "counts", "n_cells": 1000, "n_genes": 1500, "steps": {"log1p": {}}},
    "seed": 3,
    "versions": {"grn": "0.1.0"},
}


def toy_edges(n_edges: int, n_tfs: int = 40, n_genes: int = 1500, seed: int = 0) -> pd.DataFrame:
    """Return distinct edges, best first, with stability and false discovery rate."""
    rng = np.random.default_rng(seed)
    popular = rng.dirichlet(np.full(n_tfs, 0.4))
    pairs = {
        (int(rng.choice(n_tfs, p=popular)), int(rng.integers(n_genes))) for _ in range(4 * n_edges)
    }
    kept = sorted(pair for pair in pairs if pair[0] != pair[1])
    chosen = [kept[i] for i in rng.permutation(len(kept))[:n_edges]]
    importance = np.sort(rng.gamma(2.0, size=len(chosen)))[::-1]
    return pd.DataFrame(
        {
            "source": [f"TF{source:04d}" for source, _ in chosen],
            "target": [f"TF{t:04d}" if t < n_tfs else f"G{t:04d}" for _, t in chosen],
            "weight": importance * rng.choice([1.0, 1.0, -1.0], len(chosen)),
            "importance": importance,
            "stability": rng.random(len(chosen)),
            "fdr": rng.random(len(chosen)),
        }
    )


def toy_activity(groups: Sequence[str], n_tfs: int = 40, seed: int = 0) -> pd.DataFrame:
    """Return the activity of regulators in groups, as `grn.tl.rank_regulators` does."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        [(group, f"TF{tf:04d}") for group in groups for tf in range(n_tfs)],
        columns=["group", "source"],
    )
    effect = rng.normal(size=len(table))
    numbers = {"effect": effect, "statistic": 5 * effect, "fdr": rng.random(len(table))}
    table = table.assign(**numbers, mean_activity=effect - 1, groupby="cell_type")
    return table.sort_values(["group", "statistic"], ascending=[True, False], ignore_index=True)


def write_run(folder: Path, edges: pd.DataFrame, **record: Any) -> Path:
    """Write edges.tsv, metrics.json and config.yaml; `record` replaces entries of METRICS."""
    folder.mkdir(parents=True, exist_ok=True)
    edges.to_csv(folder / "edges.tsv", sep="\t", index=False)
    (folder / "metrics.json").write_text(json.dumps({**METRICS, **record}))
    (folder / "config.yaml").write_text(f"seed: 3\nnote: {HOSTILE}\n")
    return folder
