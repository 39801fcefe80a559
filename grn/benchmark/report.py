"""Writes what a benchmark found: the tidy table, the summary and the pictures."""

from pathlib import Path

from grn.benchmark.pictures import accuracy_time, heatmap, precision_recall
from grn.benchmark.run import Outcome
from grn.benchmark.summary import overview, summarise
from grn.export.atomic import replacing


def write_report(
    outcome: Outcome, folder: Path, *, command: str, skipped: tuple[str, ...] = ()
) -> dict[str, Path]:
    """Write the table, `summary.md` and the pictures into a folder, each whole or not at all.

    Parameters
    ----------
    outcome
        From `grn.benchmark.run.run_benchmark`.
    folder
        Made where it does not exist; files of an earlier benchmark are replaced.
    command
        What reproduces it, for the summary.
    skipped
        Methods that are not installed.

    Returns
    -------
    The pictures by name.

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
        said = summarise(results, command=command, skipped=skipped, failed=failed)
        temporary.write_text(said, encoding="utf-8")
    if results.empty:
        return {}
    ranked = overview(results)
    figures = {
        "heatmap": heatmap(results, ranked),
        "precision_recall": precision_recall(outcome.curves, ranked),
        "accuracy_time": accuracy_time(ranked),
    }
    pictures = {name: folder / f"{name}.png" for name in figures}
    for name, figure in figures.items():
        with replacing(pictures[name]) as temporary:
            figure.savefig(temporary, dpi=160, format="png")
    return pictures
