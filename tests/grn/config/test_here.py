import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from grn.config import import_from


@pytest.mark.parametrize(
    ("settings", "looks"),
    [
        ({"_target_": "own_parts.Model"}, True),
        ({"callbacks": [{"one": {"_target_": "own_folder.part.Model"}}]}, True),
        ({"_target_": "json.JSONDecoder", "name": "own_parts.Model"}, False),
        ({"_target_": "nowhere.Model", "other": {"_target_": None}}, False),
        ({"_target_": "???", "other": {"_target_": "${name}"}, "name": ""}, False),
        ({"_target_": "pytest.Item"}, False),
    ],
    ids=str,
)
def test_a_folder_is_looked_at_only_for_what_is_found_nowhere_else(
    settings: dict[str, Any], looks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", before := [*sys.path])
    for name in ("own_parts", "own_folder/part", "json", "pytest", "hydra_plugins/evil"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.py").write_text("raise SystemExit\n")
    for _ in range(2):
        import_from(tmp_path, OmegaConf.create(settings))
        assert sys.path == [*before[: len(before) - looks], *[str(tmp_path)] * looks]
