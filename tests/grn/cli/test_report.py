from collections.abc import Callable
from pathlib import Path

from tests.helpers import refuses
from tests.toy_runs import toy_edges, write_run

Cli = Callable[..., tuple[int, str, str]]


def test_a_report_is_made_anew(cli: Cli, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", toy_edges(30))
    code, out, err = cli("report", folder)
    assert code == 0, err
    assert out.strip() == str(folder / "report.html")
    before = (folder / "report.html").read_text()
    write_run(folder, toy_edges(30), data="marrow")
    assert cli("report", folder)[0] == 0
    after = (folder / "report.html").read_text()
    assert "marrow" not in before
    assert "From 1,000 cells and 1,500 genes of “marrow”" in after


def test_what_is_no_run_is_refused(cli: Cli, tmp_path: Path) -> None:
    refuses(cli("report", tmp_path), "holds no edges.tsv", "finished run")


def test_a_run_writes_a_report(infer: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    # Without report=true the quick settings of the tests leave it out (test_run.py).
    code, _, err = infer("report=true")
    assert code == 0, err
    page = (tmp_path / "out" / "report.html").read_text()
    assert "From 60 cells and 16 genes" in page
    assert "from a transformer pretrained on simulated networks" in page
