"""Says in plain sentences what went into a run, what its scores start from, and what to doubt."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from grn.report.folder import RunFiles

# Below this number of cells a correlation of .2 is within two standard errors of 0.
_FEW_CELLS = 100
_STABLE, _N_BEST = 0.8, 100
_SIGNIFICANT = 0.05


def summary(run: RunFiles) -> tuple[str, str]:
    """Return two sentences: what went in, and where the scores come from and can be trusted."""
    record = run.record
    cells = _of(record, "preprocessing")
    n_cells, n_genes = cells.get("n_cells"), cells.get("n_genes")
    size = "" if None in (n_cells, n_genes) else f"{n_cells:,} cells and {n_genes:,} genes of "
    n_tfs = record.get("n_tfs") or run.edges["source"].nunique()
    went_in = (
        f"From {size}“{record.get('data', run.name)}”, this run ranked {len(run.edges):,} "
        f"possible edges of {n_tfs:,} regulators by how strongly each regulator seems to activate "
        "or repress each target gene."
    )
    return went_in, f"{_start(record)}; {_trust(run)}."


def _start(record: Mapping[str, Any]) -> str:
    share = _of(record, "belief").get("share_of_closed_form")
    if record.get("regime") == "supervised":
        return "The scores were learned from the known edges of the training part"
    if share is None:
        return "The files do not record what the scores start from"
    transformer, closed = f"{100 * (1 - share):.0f} %", f"{100 * share:.0f} %"
    known = "Known edges rank first; the" if record.get("regime") == "prior-guided" else "The"
    return (
        f"{known} scores come to {transformer} from a transformer pretrained on simulated "
        f"networks and to {closed} from a formula on the genes' expression profiles, a blend "
        "that depends on how much these cells resemble the simulated ones"
    )


def _trust(run: RunFiles) -> str:
    judged = run.record.get("evaluation")
    if judged:
        best, control = _best_control(judged)
        ours = judged.get("auprc_ratio")
        if ours is not None:
            beside = "" if best is None else f" (its best control, {control}: {best:.1f})"
            return (
                f"against the known edges that were given, its precision is {ours:.1f} times "
                f"that of a random ranking{beside}"
            )
    said = "no known edges were given to check it, so read the best edges as hypotheses to test"
    if "stability" in run.edges:
        best_edges = run.edges.head(_N_BEST)
        n_stable = int((best_edges["stability"] >= _STABLE).sum())
        said += (
            f", of which {n_stable} of the first {len(best_edges)} recur in at least "
            f"{100 * _STABLE:.0f} % of the bootstraps of the cells"
        )
    return said


def warnings(run: RunFiles) -> list[str]:
    """Return what a reader should know before trusting the edges, most serious first."""
    record, cells = run.record, _of(run.record, "preprocessing")
    found = []
    if not len(run.edges):
        found.append("The table of edges is empty: nothing can be drawn.")
    found += _of_accuracy(run)
    n_cells = cells.get("n_cells")
    if n_cells is not None and n_cells < _FEW_CELLS:
        found.append(
            f"There are only {n_cells} cells: chance alone makes many genes look related."
        )
    share = _of(record, "belief").get("share_of_closed_form")
    if share is not None and share > 0.5:
        found.append(
            "The formula on expression profiles has the larger share of the scores, as on most "
            "real cells: repressions then rank behind most activations."
        )
    names = _of(record, "tf_names")
    unmatched = _of(names, "counts").get("unmatched", 0)
    if unmatched:
        examples = ", ".join(map(str, _of(names, "examples").get("unmatched", [])))
        found.append(
            f"{unmatched:,} of {names.get('asked') or unmatched:,} regulators of the list are not "
            f"among the genes{f', for example {examples}' if examples else ''}."
        )
    for key, what in (
        ("n_constant_genes", "genes do not vary: nothing can be said about them"),
        ("n_empty_cells", "cells are empty"),
    ):
        if cells.get(key):
            found.append(f"{cells[key]:,} {what}.")
    found.append(_of_causes(int(_of(record, "belief").get("n_perturbed_genes") or 0)))
    return found


def _of_causes(n_perturbed: int) -> str:
    """Say what is known of causes: much less where no gene, or few, were perturbed."""
    if n_perturbed:
        return (
            f"{n_perturbed:,} of the genes were perturbed in some cells. An effect of a "
            "perturbation may have passed through other genes; edges of all other genes rest on "
            "co-expression, which does not prove causation."
        )
    return (
        "Co-expression without perturbations or time does not prove causation, and between two "
        "co-expressed genes the direction often stays open."
    )


def _of_accuracy(run: RunFiles) -> list[str]:
    judged, found = run.record.get("evaluation"), []
    if judged:
        best, control = _best_control(judged)
        ours = judged.get("auprc_ratio")
        if best is not None and ours is not None and best >= ours:
            found.append(
                f"The control {control} reaches the known edges at least as well as this network."
            )
    else:
        found.append("No known edges were given: the accuracy on these cells is unknown.")
    if not {"stability", "fdr"} & set(run.edges):
        found.append(
            "No confidence of single edges was computed; grn infer --bootstraps 10 adds the "
            "column stability."
        )
    return found


def _best_control(judged: Mapping[str, Any]) -> tuple[float | None, str]:
    """Return the largest ratio of AUPRC to chance among the controls that use no pretraining."""
    # These two are parts of the method itself, or know the answer to some edges.
    left_out = ("pretrained", "prior")
    ratios = {
        name: values["auprc_ratio"]
        for name, values in _of(judged, "controls").items()
        if name not in left_out and values.get("auprc_ratio") is not None
    }
    if not ratios:
        return None, ""
    name = max(ratios, key=ratios.__getitem__)
    return ratios[name], name


def data_facts(run: RunFiles) -> list[tuple[str, str]]:
    """Return facts about cells, names and edges as pairs of a label and a value."""
    record, cells = run.record, _of(run.record, "preprocessing")
    names, perturbed = _of(record, "tf_names"), _of(record, "perturbations")
    confidence = _of(record, "confidence")
    facts: list[tuple[str, Any]] = [
        ("Data", record.get("data")),
        ("Cells", cells.get("n_cells")),
        ("Genes", cells.get("n_genes")),
        ("Values were taken for", cells.get("input")),
        ("Preprocessing", ", ".join(_of(cells, "steps")) or None),
        ("Regulators", record.get("n_tfs")),
        ("Regulators asked for", names.get("asked")),
        ("Edges in edges.tsv", len(run.edges)),
        ("Activating / repressing", _signs(run.edges)),
        ("Bootstraps", confidence.get("bootstraps")),
        ("Permutations", confidence.get("permutations")),
        ("Edges with FDR below 5 %", _significant(run.edges)),
        ("Cells grouped by", record.get("groupby")),
        ("Perturbed genes", perturbed.get("n_perturbed_genes")),
        ("Perturbed cells", perturbed.get("n_perturbed_cells")),
    ]
    return [(label, _text(value)) for label, value in facts if value is not None]


def provenance(run: RunFiles) -> list[tuple[str, str]]:
    """Return where the result comes from: regime, seed, weights, versions, time."""
    record = run.record
    transformer, versions = _of(record, "transformer"), _of(record, "versions")
    facts: list[tuple[str, Any]] = [
        ("Run folder", run.name),
        ("Finished (UTC)", run.finished.strftime("%Y-%m-%d %H:%M")),
        ("Seconds", record.get("seconds")),
        ("Kind of run", record.get("regime")),
        ("Seed", None if record.get("seed") is None else str(record["seed"])),
        ("Checkpoint", record.get("checkpoint")),
        ("Weights of the transformer", transformer.get("file")),
        ("SHA-256 of the weights", transformer.get("sha256")),
        *((f"Version of {name}", value) for name, value in versions.items()),
    ]
    return [(label, _text(value)) for label, value in facts if value is not None]


def _signs(edges: pd.DataFrame) -> str:
    return f"{int((edges['weight'] > 0).sum()):,} / {int((edges['weight'] < 0).sum()):,}"


def _significant(edges: pd.DataFrame) -> int | None:
    return int((edges["fdr"] < _SIGNIFICANT).sum()) if "fdr" in edges else None


def _of(record: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return an inner mapping; an empty one where it is absent or null."""
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
