"""The benchmark of cells on disk: both ways are measured, and have to agree."""

from pathlib import Path

import pytest


@pytest.mark.slow
def test_both_ways_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    import cells_on_disk

    cells_on_disk.main(["--cells", "211", "--genes", "101"])
    said = capsys.readouterr().out
    rows = [line.split("|")[1:-1] for line in said.splitlines() if line.startswith("|")][2:]
    assert [[field.strip() for field in row[:2]] for row in rows] == [
        ["211", "in memory"],
        ["211", "on disk"],
    ]
    assert all(float(seconds) >= 1 and 0.2 < float(peak) < 3 for *_, seconds, peak in rows)


def test_edges_that_differ_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cells_on_disk

    def infer(_cells: Path, _tfs: Path, output: Path, on_disk: bool) -> tuple[float, float]:
        output.mkdir()
        (output / "edges.tsv").write_text(str(on_disk))
        return 1.0, 1.0

    monkeypatch.setattr(cells_on_disk, "infer", infer)
    with pytest.raises(RuntimeError, match="211 cells: the edges"):
        cells_on_disk.compare(211, 101, tmp_path)
