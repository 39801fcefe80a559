"""flashsign alone: the wheel of kernels/, unpacked where nothing else of this project is."""

import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
KERNELS = ROOT / "kernels"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the wheel holds, made by the build backend without a network."""
    folder = tmp_path_factory.mktemp("flashsign")
    program = f"import hatchling.build as build; build.build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=KERNELS, check=True, capture_output=True)
    (wheel,) = folder.glob("flashsign-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_flashsign_and_nothing_else(unpacked: Path) -> None:
    held = {path.relative_to(unpacked) for path in unpacked.rglob("*") if path.is_file()}
    sources = {path.relative_to(KERNELS) for path in (KERNELS / "flashsign").rglob("*.py")}
    assert sources <= held
    assert {path.parts[0].partition("-")[0] for path in held} == {"flashsign"}
    (licence,) = unpacked.glob("*.dist-info/licenses/LICENSE")
    assert licence.read_text() in (ROOT / "LICENSE").read_text()
    assert "BSD 3-Clause" in licence.read_text()


def test_it_needs_torch_and_triton_as_the_project_does(unpacked: Path) -> None:
    (file,) = unpacked.glob("*.dist-info/METADATA")
    metadata = message_from_string(file.read_text(encoding="utf-8"))
    needed = {Requirement(text) for text in metadata.get_all("Requires-Dist", [])}
    assert {one.name for one in needed} == {"torch", "triton"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert needed <= {Requirement(text) for text in project["dependencies"]}
    assert metadata["Requires-Python"] == ",".join(
        sorted(project["requires-python"].split(","), reverse=False)
    )
    assert "scaled_dot_product_attention" in metadata.get_payload()


def test_it_works_without_the_project(unpacked: Path, tmp_path: Path) -> None:
    program = f"""
import importlib.abc, sys
class Refused(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("grn", "scanpy", "anndata", "lightning", "hydra"):
            raise ImportError(name)
sys.meta_path.insert(0, Refused())
sys.path = [{str(unpacked)!r}] + [path for path in sys.path if {str(ROOT)!r} + "/." in path
    or not path.startswith({str(ROOT)!r})]
import flashsign, torch
assert flashsign.__file__.startswith({str(unpacked)!r}), flashsign.__file__
q, k, v = torch.randn(3, 2, 3, 50, 7, requires_grad=True)
flashsign.spherical_attention(q, k, v, exclude_self=True).square().sum().backward()
slow = flashsign.spherical_attention(q, k, v, method="reference")
torch.testing.assert_close(flashsign.spherical_attention(q, k, v, method="gram"), slow)
print(flashsign.spherical_attention_map(q, k))
"""
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert "heads × queries × keys: 3 × 50 × 50, torch.float32" in found.stdout
