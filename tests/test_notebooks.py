"""The notebooks run, hold no outputs in the repository, and show what they say they show."""

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_is_a_quickstart() -> None:
    assert "01-quickstart" in [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stripped(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    for cell in code:
        assert cell.outputs == []
        assert cell.execution_count is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_defines_nothing(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    lines = [line for source in code for line in source.splitlines()]
    assert not [line for line in lines if line.lstrip().startswith(("def ", "class ", "async "))]
    assert not [line for line in lines if "lambda" in line]


def run(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, *appended: str) -> list[Any]:
    """Execute a notebook with further cells, and return its code cells with their outputs."""
    from nbclient import NotebookClient

    # The kernel is a process of its own: it needs the checkout on its path, and no settings of
    # whoever runs the tests.
    paths = [str(ROOT), str(ROOT / "kernels"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in appended]
    NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": folder}}
    ).execute()
    assert sorted(path.name for path in folder.iterdir()) == ["ipython"], "left files behind"
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def n_pictures(code: list[Any]) -> int:
    shown = [output.get("data", {}) for cell in code for output in cell.outputs]
    return sum("image/png" in data for data in shown)


def test_quickstart_runs_and_beats_the_controls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = run(NOTEBOOKS[0], tmp_path, monkeypatch, 'metrics["auprc"].idxmax()')
    assert n_pictures(code) == 2
    assert code[-1].outputs[0]["data"]["text/plain"] == "'edges'"


def test_contexts_run_and_the_edges_that_differ_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ROOT / "notebooks" / "03-contexts.ipynb"
    code = run(path, tmp_path, monkeypatch, "first_20 > 1.5 * overall")
    assert n_pictures(code) == 4
    assert code[-1].outputs[0]["data"]["text/plain"] == "True"
