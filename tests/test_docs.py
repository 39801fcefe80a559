import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_result_table_of_the_readme_is_that_of_the_benchmarks() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    reaches = readme.split("## What it reaches")[1].split("\n## ")[0]
    table = [line for line in reaches.splitlines() if line.startswith("|")]
    assert len(table) > 10
    assert "\n".join(table) in (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")


def test_the_idea_is_at_most_five_files_and_350_lines() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    idea = readme.split("## The idea in five files")[1].split("\n## ")[0]
    parts = re.findall(r"^\| \[(\S+)\]\(\1\) \| `(\w+)` \|", idea, flags=re.MULTILINE)
    assert {"SphericalTransformer", "attend", "read_map"} <= {name for _, name in parts}
    assert len(parts) <= 5
    assert sum(_n_lines(ROOT / path, name) for path, name in parts) <= 350


def _n_lines(path: Path, name: str) -> int:
    """Return the length of a class or function at the top of a file."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return (node.end_lineno or 0) - node.lineno + 1
    msg = f"{path} has no {name}"
    raise LookupError(msg)
