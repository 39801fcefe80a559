"""What is installed, ignored and pinned: the wheel, .gitignore, requirements.lock."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = {"grn", "flashsign", "hydra_plugins"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_PIN = re.compile(r'([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)(; sys_platform == "linux")?')


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names in the wheel that the build backend makes of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    program = f"import hatchling.build as build; build.build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_wheel_holds_every_source_file(wheel_names: list[str]) -> None:
    for root, folder in ((ROOT, "grn"), (ROOT, "hydra_plugins"), (ROOT / "kernels", "flashsign")):
        found = [
            path for kind in ("*.py", "*.yaml", "*.pt") for path in (root / folder).rglob(kind)
        ]
        sources = {str(path.relative_to(root)) for path in found}
        assert sources
        assert sources <= set(wheel_names)
    assert any(name.startswith("grn/data/") for name in wheel_names)
    species = {f"grn/data/datasets/species/{name}.txt" for name in ("human", "mouse")}
    assert species <= set(wheel_names)


def test_wheel_holds_the_configuration(wheel_names: list[str]) -> None:
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "conf").rglob("*.yaml")}
    assert "conf/train.yaml" in files
    assert {f"grn/{name}" for name in files} <= set(wheel_names)


def test_wheel_holds_nothing_else(wheel_names: list[str]) -> None:
    tops = {name.partition("/")[0] for name in wheel_names}
    assert {top for top in tops if not top.endswith(".dist-info")} == SHIPPED
    assert not [name for name in wheel_names if name.endswith((".pyc", ".ipynb"))]


def test_wheel_holds_the_command_and_the_licence(wheel_names: list[str]) -> None:
    metadata = [name.partition("/")[2] for name in wheel_names if ".dist-info/" in name]
    assert "entry_points.txt" in metadata
    assert "licenses/LICENSE" in metadata


@pytest.fixture
def gitignore_only(tmp_path: Path) -> Path:
    """An empty repository with our .gitignore, so that an unpacked archive can be tested too."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    shutil.copy(ROOT / ".gitignore", tmp_path)
    return tmp_path


def test_gitignore_hides_data_but_no_code(gitignore_only: Path) -> None:
    kept = [
        "grn/data/reading/read.py",
        "conf/data/demo.yaml",
        "tests/grn/data/reading/test_read.py",
        "data/README.md",
        "data/datasets.yaml",
    ]
    hidden = ["data/beeline/mDC/expression.h5ad", "runs/1/edges.tsv", ".venv/bin/grn"]
    names = "\n".join(kept + hidden)
    result = subprocess.run(
        ["git", "check-ignore", "--stdin"],
        cwd=gitignore_only, input=names, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout.split() == hidden


def _locked() -> dict[str, str]:
    files = [ROOT / "requirements.lock", ROOT / "requirements-docs.lock"]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    pins = {}
    for line in lines:
        if line.startswith("#"):
            continue
        match = _PIN.fullmatch(line)
        assert match, f"not an exact pin that anyone can install: {line}"
        pins[_normal(match[1])] = match[2]
    return pins


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_lock_pins_every_dependency_of_the_project() -> None:
    from packaging.requirements import Requirement

    pins = _locked()
    extras = PROJECT["optional-dependencies"].values()
    for text in [*PROJECT["dependencies"], *(text for extra in extras for text in extra)]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins[_normal(requirement.name)]), text
    assert pins["torch"] == "2.13.0"
    assert pins["triton"] == "3.7.1"


def test_train_works_from_another_directory(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "train.py"), "--help"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "data" in result.stdout
    assert list(tmp_path.iterdir()) == []
