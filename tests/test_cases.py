"""Inputs and settings as users have them: what the cases beside the shared data say is right."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CASES = Path(__file__).resolve().parents[2] / "shared" / "cases"
# The first turns a setting off that the model of docs/method.md does not have. The others expect
# that two processes are refused, which train together now (docs/several_machines.md).
OUTDATED = {"06-panels", "12-devices-train", "12-devices-infer"}


def _names() -> list[str]:
    table = CASES / "cases.toml"
    if not table.is_file():
        return []
    cases = tomllib.loads(table.read_text(encoding="utf-8"))["case"]
    return [case["id"] for case in cases if case["id"] not in OUTDATED]


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases") / "inputs"
    subprocess.run([sys.executable, CASES / "make_inputs.py", folder], check=True)
    return folder


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}")
@pytest.mark.parametrize("case", _names())
def test_case(case: str, inputs: Path) -> None:
    grn = Path(sys.executable).with_name("grn")
    command = [sys.executable, CASES / "run_cases.py", "--grn", grn, "--inputs", inputs]
    found = subprocess.run(
        [*command, "--only", case, "--limit", "300"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
