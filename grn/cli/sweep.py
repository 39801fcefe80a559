"""The table of a sweep (`-m`): what each job changed, and what came of it."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from hydra.types import RunMode

from grn.errors import first_line
from grn.text import short

if TYPE_CHECKING:
    import pandas as pd
    from hydra.core.utils import JobReturn
    from omegaconf import DictConfig

logger = logging.getLogger(__name__)

TABLE, ROWS = "sweep.tsv", "sweep.jsonl"
# Names as in wandb's summary; the first one orders the table.
_METRICS = (
    *("prediction/r2", "prediction/ridge", "prediction/start", "run/best_validation_loss"),
    *("run/seconds", "final/auprc_ratio", "final/early_precision_ratio"),
)
# Headings of those that are printed.
_PRINTED = {
    "prediction/r2": "R²",
    "prediction/ridge": "ridge",
    "final/auprc_ratio": "AUPRC ratio",
}
_FACTS = ("job", *_METRICS, "error", "folder")
_begun: list[Path] = []  # Hydra builds the callback, so a sweep tells of its folder here


class SweepTable(Callback):
    """Keeps a line of every job in the folder of the sweep, from whatever process it runs in."""

    def on_multirun_start(self, config: "DictConfig", **_: Any) -> None:
        """Begin a table."""
        folder = Path(config.hydra.sweep.dir)
        (folder / ROWS).unlink(missing_ok=True)
        _begun.append(folder)

    def on_job_end(self, config: "DictConfig", job_return: "JobReturn", **_: Any) -> None:
        """Add a job, which may have failed."""
        if config.hydra.mode != RunMode.MULTIRUN:
            return
        error = job_return._return_value
        folder = Path(config.hydra.runtime.output_dir)
        row = {
            "job": config.hydra.job.num,
            "overrides": list(config.hydra.overrides.task),
            **numbers_of(folder),
            "error": first_line(error) if isinstance(error, Exception) else "",
            "folder": str(folder),
        }
        # One write of one line: jobs side by side do not mix.
        with (Path(config.hydra.sweep.dir) / ROWS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def numbers_of(folder: Path) -> dict[str, float | None]:
    """Return the metrics of a run by their names in wandb; those that it lacks are left out."""
    file = folder / "metrics.json"
    if not file.is_file():
        return {}
    record = json.loads(file.read_text(encoding="utf-8"))
    groups = {
        "prediction": record.get("prediction") or {},
        "final": record.get("evaluation") or {},
        "run": record,
    }
    found = {name: groups[name.split("/")[0]].get(name.split("/")[1]) for name in _METRICS}
    return {name: value for name, value in found.items() if value is not None}


def show_sweeps() -> None:
    """Print the table of every sweep that has begun, and write it into its folder."""
    while _begun:
        folder = _begun.pop()
        if (folder / ROWS).is_file():
            table = read_rows(folder / ROWS)
            table.to_csv(folder / TABLE, sep="\t", index=False)
            if len(table):
                _print(table, folder)


def read_rows(file: Path) -> "pd.DataFrame":
    """Return a row for each job, the highest R² first, with a column for each setting.

    Returns
    -------
    `job`; the settings that an override changed; metrics by their names in wandb; `error`, empty
    where there was none; and `folder`. Lines that were cut short, as by a full disk, are left out.
    """
    import pandas as pd

    rows = []
    for text in file.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            logger.warning("%s has a line that was cut short: the table lacks a job", file)
            continue
        parts = (override.partition("=") for override in line.pop("overrides"))
        rows.append({**{key.lstrip("+"): value for key, _, value in parts}, **line})
    table = pd.DataFrame(rows or {name: [] for name in ("job", "error", "folder")})
    settings = [name for name in table.columns if name not in _FACTS]
    facts = [name for name in _FACTS[1:] if name in table]
    order = ["prediction/r2", "job"] if "prediction/r2" in table else ["job"]
    table = table[["job", *settings, *facts]]
    return table.sort_values(order, ascending=[name == "job" for name in order])


def _print(table: "pd.DataFrame", folder: Path) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from grn.cli.output import Output

    changed = [
        name
        for name in table.columns
        if name not in _FACTS and table[name].nunique(dropna=False) > 1
    ]
    metrics = [name for name in _PRINTED if name in table]
    shown = Table(
        title=f"{len(table)} runs, the highest R² on held-out cells first",
        caption="The AUPRC ratio is of known edges: it judges a setting, and chooses none.",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    failed = ["failed"] if table["error"].any() else []
    headings = ("run", *map(_leaf, changed), *(_PRINTED[name] for name in metrics), *failed)
    for heading in headings:
        shown.add_column(heading, justify="right", overflow="fold")
    for place, (_, row) in enumerate(table.iterrows()):
        settings = [short(str(row[name])) for name in changed]
        values = [_number(row[name]) for name in metrics]
        reason = [str(row["error"])] if failed else []
        best = "bold" if place == 0 and not row["error"] else None
        shown.add_row(str(row["job"]), *settings, *values, *reason, style=best)
    console = Output()
    console.print(shown)
    console.print(f"{folder}/{TABLE}", soft_wrap=True, highlight=False)


def _leaf(key: str) -> str:
    """Return a key without its group, which the table has complete in its file."""
    return key.rpartition(".")[2]


def _number(value: float) -> str:
    return f"{value:.4f}" if value == value else "–"  # NaN is not itself
