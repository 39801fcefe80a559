"""The code that the README of flashsign shows."""

import re
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parents[2] / "kernels" / "flashsign" / "README.md"


def test_what_the_readme_shows_runs_and_agrees_with_sdpa() -> None:
    first, *others = re.findall(r"```python\n(.+?)```", README.read_text(encoding="utf-8"), re.S)
    small = first.replace("4096", "64").replace("500", "20").replace("300", "10")
    names: dict[str, Any] = {}
    for block in (small, *others):
        exec(block, names)
    assert "scaled_dot_product_attention" in "".join(others)
    assert names["out"].shape == (2, 8, 64, 32)
