"""The notebooks run, hold no outputs in the repository, and show what they say they show."""

import os
import re
from collections.abc import Collection
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


def answers(code: list[Any], questions: Collection[str]) -> dict[str, str]:
    """Return what the appended cells show, by their source, numpy's True as Python's."""
    cells = code[-len(questions) :]
    shown = [cell.outputs[0]["data"]["text/plain"] for cell in cells]
    return {
        cell.source: re.sub(r"^np\.(True|False)_$", r"\1", text)
        for cell, text in zip(cells, shown, strict=True)
    }


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


def test_own_data_runs_and_activity_finds_the_cell_types(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    claims = {
        "len(model.tfs)": "26",
        "edges[edges['source'] == 'SPI1']['weight'].head(25).gt(0).all().item()": "True",
        "pd.Series(alike).groupby(first['group'].to_numpy()).mean().min() > 0.8": "True",
        "scores.to_df().groupby(scores.obs['cell_type'], observed=True).mean().idxmax()"
        ".reindex(['SPIB', 'SP140', 'GATA3', 'IRF8', 'HES4', 'SPI1']).tolist()": (
            "['B', 'B', 'T', 'dendritic', 'monocyte', 'monocyte']"
        ),
        "drivers[drivers['group'] == 'NK'].iloc[0][['source', 'mean_activity']].tolist()[0]": (
            "'EGR1'"
        ),
        "graph.number_of_edges()": "300",
        "sorted(key for key in network.varp if ':' in key)": (
            "['grn:B', 'grn:NK', 'grn:T', 'grn:dendritic', 'grn:monocyte']"
        ),
        "'SPI1(+)' in set(regulons['source'])": "True",
        "folder.exists()": "False",
    }
    code = run(ROOT / "notebooks" / "02-your-own-data.ipynb", tmp_path, monkeypatch, *claims)
    assert n_pictures(code) == 3
    assert answers(code, claims) == claims


def test_what_attention_does_is_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = {
        # Weights keep their sign, but for softmax; a common factor changes softmax alone.
        "[round(weight, 3) for weight in weights.loc[-3.0].tolist()]": "[-0.684, -0.4, 0.002]",
        "change['l2'] < 1e-6 and change['l1'] < 1e-6 and change['softmax'] > 0.1": "True",
        # The linear form is an identity, with its gradient, and is faster.
        "max(apart.values()) < 1e-12 and max(gradient_apart.values()) < 1e-12": "True",
        "times['ratio'].iloc[-1] > max(5, 3 * times['ratio'].iloc[0])": "True",
        # The best head improves, the last map is better than each, and than the controls.
        "quality.max(axis=1).is_monotonic_increasing": "True",
        "of_last_map > quality.to_numpy().max()": "True",
        "metrics['auprc'].idxmax()": "'edges'",
        # The residual profile: other pairs catch up.
        "matches['edges'][0].mean() > 2 * matches['other pairs'][0].mean()": "True",
        (
            "(lambda m: m[-1] < 0.8 * m[0])"
            "(matches['edges'].mean(1) / matches['other pairs'].mean(1))"
        ): "True",
        "(matches['edges'][-1] / matches['other pairs'][-1]).max() > 2": "True",
        "of_number.is_monotonic_increasing": "True",
        "right['l2'] == right['l1'] > 0.9": "True",
        "right['softmax'] == (signs[is_pair][is_edge] > 0).mean()": "True",
    }
    code = run(ROOT / "notebooks" / "04-what-attention-does.ipynb", tmp_path, monkeypatch, *claims)
    assert n_pictures(code) == 6
    assert answers(code, claims) == claims


def test_the_screen_is_ranked_better_with_its_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = {
        "ratios['all']['with labels'] > 1.1 * ratios['all']['without labels']": "True",
        "all(one['with labels'] > one['correlation'] > 1.2 for one in ratios.values())": "True",
        "right['with labels'] == f'{len(one_way)} of {len(one_way)}' and len(one_way) > 4": "True",
    }
    code = run(ROOT / "notebooks" / "05-perturbation-screen.ipynb", tmp_path, monkeypatch, *claims)
    assert n_pictures(code) == 1
    assert answers(code, claims) == claims
