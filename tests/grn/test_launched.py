import pytest

from grn.launched import Launched, launched


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, Launched(None, True, None)),
        (
            {"TORCHELASTIC_RUN_ID": "none", "RANK": "0", "WORLD_SIZE": "4", "LOCAL_RANK": "0"},
            Launched("torchrun", True, 4),
        ),
        (
            {"TORCHELASTIC_RUN_ID": "none", "RANK": "2", "WORLD_SIZE": "4", "LOCAL_RANK": "0"},
            Launched("torchrun", False, 4),
        ),
        ({"SLURM_NTASKS": "3", "SLURM_PROCID": "0"}, Launched("SLURM", True, 3)),
        ({"SLURM_NTASKS": "3", "SLURM_PROCID": "1"}, Launched("SLURM", False, 3)),
        (
            {"SLURM_NTASKS": "3", "SLURM_PROCID": "0", "SLURM_JOB_NAME": "bash"},
            Launched(None, True, None),
        ),
        ({"LOCAL_RANK": "0", "NODE_RANK": "0"}, Launched("Lightning", True, None)),
        ({"LOCAL_RANK": "1", "NODE_RANK": "0"}, Launched("Lightning", False, None)),
        ({"NODE_RANK": "1"}, Launched("Lightning", False, None)),
    ],
)
def test_the_environment_says_who_started_what(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, str], expected: Launched
) -> None:
    for name in ("TORCHELASTIC_RUN_ID", "SLURM_NTASKS", "SLURM_PROCID", "LOCAL_RANK", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    assert launched() == expected
