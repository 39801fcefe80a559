from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_result_table_of_the_readme_is_that_of_the_benchmarks() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    reaches = readme.split("## What it reaches")[1].split("\n## ")[0]
    table = [line for line in reaches.splitlines() if line.startswith("|")]
    assert len(table) > 10
    assert "\n".join(table) in (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
