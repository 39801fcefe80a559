"""The rules of the house: file sizes, import direction, light imports."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"anndata", "hydra", "lightning", "omegaconf", "scanpy", "torch", "triton", "wandb"}


def _python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


SOURCES = [ROOT / "train.py", *_python_files("grn", "hydra_plugins", "kernels", "scripts")]
ALL = [*SOURCES, *_python_files("tests")]


def test_files_have_at_most_300_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in ALL}
    assert {path: length for path, length in lengths.items() if length > 300} == {}


def test_first_line_says_what_a_file_is_for() -> None:
    first = {path: (ast.get_docstring(_parse(path)) or "").partition("\n")[0] for path in SOURCES}
    assert [path for path, line in first.items() if len(line.split()) < 3] == []


def test_functions_stay_under_60_lines() -> None:
    functions = [
        (path.name, node)
        for path in SOURCES
        for node in ast.walk(_parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert len(functions) > 100
    assert [(file, node.name) for file, node in functions if _code_lines(node) >= 60] == []


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body below the docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_tests_are_no_package() -> None:
    # With an __init__.py, tests/grn would be imported in place of grn.
    assert [path for path in _python_files("tests") if path.name == "__init__.py"] == []


def test_train_only_calls_the_command_line() -> None:
    assert _imported(ROOT / "train.py") == {"sys", "grn.cli"}


def test_flashsign_needs_torch_alone() -> None:
    for path in _python_files("kernels/flashsign"):
        packages = {name.partition(".")[0] for name in _imported(path)}
        packages -= set(sys.stdlib_module_names)
        assert packages <= {"flashsign", "torch", "triton"}, path.name


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(_parse(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def _loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after the statement."""
    paths = [str(ROOT), str(ROOT / "kernels")]
    program = (
        f"import sys; sys.path[:0] = {paths}; {statement}; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    command = [sys.executable, "-c", program]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("module", ["grn", "grn.cli", "grn.errors", "grn.edges.matrix"])
def test_import_is_light(module: str) -> None:
    assert _loaded_by(f"import {module}") & HEAVY == set()


def test_metrics_files_and_pictures_load_no_torch() -> None:
    loaded = _loaded_by("import grn.evaluation, grn.export, grn.plotting, grn.data.reading.read")
    assert loaded & {"torch", "lightning", "hydra", "wandb", "scanpy"} == set()


def test_flashsign_loads_neither_grn_nor_triton() -> None:
    assert _loaded_by("import flashsign") & {"grn", "triton"} == set()


def test_public_names_resolve() -> None:
    loaded = _loaded_by("import grn; [getattr(grn, name) for name in grn.__all__]")
    assert "torch" in loaded


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter in the folder, on its own copy of both packages."""
    program = (
        f"import sys; sys.path[:0] = {[str(folder), str(folder / 'kernels')]}; "
        "from importlinter.cli import lint_imports; "
        "sys.exit(lint_imports(no_cache=True))"
    )
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_imports_point_one_way() -> None:
    result = _lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_contracts_notice_a_violation(tmp_path: Path) -> None:
    for folder in ("grn", "kernels"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    violations = {
        "grn/errors.py": "import grn.edges.matrix",
        "grn/names/symbols.py": "import torch",
        "grn/model/profiles.py": "import flashsign, hydra, wandb",
        "grn/readout.py": "import lightning",
        "kernels/flashsign/reference.py": "import flashsign.api, grn.errors, triton",
    }
    for name, statement in violations.items():
        with (tmp_path / name).open("a", encoding="utf-8") as file:
            # Inside a function: a lazy import counts too.
            file.write(f"\n\ndef _lazy():\n    {statement}\n")
    result = _lint_imports(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "0 kept, 10 broken" in result.stdout
