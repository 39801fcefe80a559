"""Writes report.html: the facts, the accuracy and the network of one run, in one file.

What takes long to load is loaded when a report is written.
"""

from pathlib import Path

from grn.report.vendored import check_report

__all__ = ["ACTIVITY", "REPORT", "check_report", "write_report"]

REPORT = "report.html"
ACTIVITY = "activity.tsv"
"""Activity of regulators in groups of cells, which a report shows where it is there."""


def write_report(folder: str | Path, edges: Path | None = None) -> Path:
    """Write `report.html` into a run folder, from the files that are there.

    Parameters
    ----------
    folder
        Folder of a finished run, with `edges.tsv` and `metrics.json`.
    edges
        File of the edges, where it has not its final name yet; None: `edges.tsv` of the folder.

    Returns
    -------
    The file: one page that needs no network access, with the summary, the accuracy beside its
    controls, the network, the tables and the settings of the run.

    Raises
    ------
    InputError
        The folder holds no finished run, or cannot be written to.

    Examples
    --------
    >>> grn.report.write_report("grn_output").name  # doctest: +SKIP
    'report.html'
    """
    from grn.files import replacing
    from grn.report.folder import read_run
    from grn.report.html import render

    path = Path(folder) / REPORT
    page = render(read_run(Path(folder), edges))
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path
