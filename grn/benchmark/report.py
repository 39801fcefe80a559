"""Writes the results of a benchmark: the tidy table, the summary and the pictures."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from grn.benchmark.contexts_summary import summarise_contexts
from grn.benchmark.guided_summary import summarise_guided
from grn.benchmark.interventional_summary import summarise_interventional
from grn.benchmark.knockout_summary import summarise_knockouts
from grn.benchmark.pictures import accuracy_time, heatmap, precision_by_recall
from grn.benchmark.regimes import CONTEXTS, INTERVENTIONAL, KNOCK_OUTS, UNSUPERVISED
from grn.benchmark.run import Outcome
from grn.benchmark.summary import introduce, overview, summarise
from grn.files import replacing


def write_report(
    outcome: Outcome, folder: Path, *, command: str, skipped: tuple[str, ...] = ()
) -> dict[str, Path]:
    """Write the table, `summary.md` and the pictures into a folder, each whole or not at all.

    Parameters
    ----------
    outcome
        From `grn.benchmark.run.run_benchmark`.
    folder
        Folder, which is created if needed; files of an earlier benchmark are replaced.
    command
        Command that reproduces it, for the summary.
    skipped
        Requested parts that were not run.

    Returns
    -------
    The pictures by name, of the unsupervised regime; none without that regime.

    Raises
    ------
    InputError
        The folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    results = outcome.results
    with replacing(folder / "results.csv") as temporary:
        results.to_csv(temporary, index=False)
    with replacing(folder / "results.parquet") as temporary:
        results.to_parquet(temporary, index=False)
    failed = [f"{one.what}: {[*str(one.error).splitlines(), ''][0]}" for one in outcome.failures]
    with replacing(folder / "summary.md") as temporary:
        said = _summarise(results, command=command, skipped=skipped, failed=failed)
        temporary.write_text(said, encoding="utf-8")
    unsupervised = results[results["regime"] == UNSUPERVISED]
    if unsupervised.empty:
        return {}
    ranked = overview(unsupervised)
    figures = {
        "heatmap": heatmap(unsupervised, ranked),
        "precision_recall": precision_by_recall(outcome.curves, ranked),
        "accuracy_time": accuracy_time(ranked),
    }
    pictures = {name: folder / f"{name}.png" for name in figures}
    for name, figure in figures.items():
        with replacing(pictures[name]) as temporary:
            figure.savefig(temporary, dpi=160, format="png")
    return pictures


def _summarise(
    results: pd.DataFrame, *, command: str, skipped: Sequence[str], failed: Sequence[str]
) -> str:
    """Write the tables of the unsupervised regime, of known edges, and of the other regimes."""
    names = (UNSUPERVISED, CONTEXTS, KNOCK_OUTS, INTERVENTIONAL)
    unsupervised, contexts, knock_outs, screens = (results["regime"] == name for name in names)
    guided = results[~results["regime"].isin(names)]
    if unsupervised.any() or results.empty:
        said = summarise(results[unsupervised], command=command, skipped=skipped, failed=failed)
    else:
        said = introduce(command=command, skipped=skipped, failed=failed)
    if not guided.empty:
        said += f"\n{summarise_guided(guided)}"
    if contexts.any():
        said += f"\n{summarise_contexts(results[contexts])}"
    if knock_outs.any():
        said += f"\n{summarise_knockouts(results[knock_outs])}"
    if screens.any():
        said += f"\n{summarise_interventional(results[screens])}"
    return said
