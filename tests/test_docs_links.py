"""Links of the README and of docs/ lead somewhere, and what the pages quote is in the sources."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml

import grn
from scripts.docs.api import MODULES, write_api
from scripts.docs.configuration import reference
from scripts.docs.links import anchor, broken, links, rewritten
from scripts.docs.pages import assemble

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
OTHERS = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "data/README.md"]
PAGES = [*DOCS, *(ROOT / name for name in OTHERS), ROOT / "kernels/flashsign/README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One: *two*, `three`\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](other.md#one-two-three) [b](#here) ![c](picture.png) [d](other.md#four)\n"
        "`[e](code.md)` [f](https://x.org)\n"
        "```\n[g](code.md)\n# no heading\n```\n[h](#no-heading)",
        encoding="utf-8",
    )
    assert broken(page) == ["picture.png", "other.md#four", "#no-heading"]


def test_links_are_rewritten_outside_of_code_alone() -> None:
    text = "[`a`](b.md) `[a](b.md)` ![c](d.png)"
    assert rewritten(text, str.upper) == "[`a`](B.MD) `[a](b.md)` ![c](D.PNG)"
    assert links(text) == ["b.md", "d.png"]
    assert anchor("Which TFs are *active*, in `X`?") == "which-tfs-are-active-in-x"


def test_the_index_leads_to_every_page_and_notebook() -> None:
    index = ROOT / "docs" / "index.md"
    listed = {(index.parent / link).resolve() for link in links(index.read_text(encoding="utf-8"))}
    assert {*DOCS, *(ROOT / "notebooks").glob("*.ipynb")} - {index} <= listed


def test_pages_of_the_site_link_to_each_other(tmp_path: Path) -> None:
    assemble(ROOT, tmp_path)
    made = sorted(tmp_path.rglob("*.md"))
    assert {"start.md", "changelog.md", "method.md", "01-quickstart.md", "block.py.md"} <= {
        page.name for page in made
    }
    assert [(page.name, link) for page in made for link in broken(page)] == []
    index = (tmp_path / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"^:caption: (.+)", index, re.MULTILINE)[:2] == ["Start", "Tutorials"]
    assert "\nStart <start>\n" in index
    assert "\napi/index\nconfiguration\n" in index


def test_every_public_name_has_a_page(tmp_path: Path) -> None:
    write_api(tmp_path)
    made = {path.stem for path in tmp_path.glob("*.rst")} - {"index"}
    index = (tmp_path / "index.rst").read_text(encoding="utf-8")
    assert {name for name in made if f"   {name}\n" in index} == made
    public = {f"grn.{name}" for name in grn.__all__} - MODULES.keys()
    public |= {f"grn.pl.{name}" for name in grn.pl.__all__}
    public |= {f"grn.tl.{name}" for name in grn.tl.__all__}
    assert public | {"flashsign.spherical_attention"} <= made
    page = (tmp_path / "grn.SphericalGRN.rst").read_text(encoding="utf-8")
    assert ".. autoclass:: grn.SphericalGRN\n   :members:\n" in page


def test_every_feature_is_proven_by_a_test_that_exists() -> None:
    table = (ROOT / "docs" / "features.md").read_text(encoding="utf-8").split("## What proves")[1]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    for row in rows:
        proofs = re.findall(r"\[`([\w.]+)`\]\(\.\./([\w/.]+)\)", row)
        assert proofs, row
        for name, file in proofs:
            text = (ROOT / file).read_text(encoding="utf-8")
            assert file.endswith(f"/{name}") or f"def {name}(" in text, f"{file}: no {name}"


def test_both_tables_of_features_say_the_same_of_ours() -> None:
    text = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    compared, proven = text.split("## What proves")
    ours = dict(re.findall(r"^\| ([^|]+) \| ([●◐○/]+) \|", compared, re.MULTILINE))
    assert dict(re.findall(r"^\| ([^|]+) \| ([●◐○/]+) \|", proven, re.MULTILINE)) == ours


def _messages() -> list[str]:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    return re.findall(r"^> (.+)$", page, re.MULTILINE)


@cache
def _templates() -> frozenset[str]:
    """Return every message of the sources, with … for what is filled in."""
    found = []
    for path in (ROOT / "grn").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Assign) or getattr(node.targets[0], "id", "") != "msg":
                continue
            parts = node.value.values if isinstance(node.value, ast.JoinedStr) else [node.value]
            message = "".join(_shown(part) for part in parts)
            found.append(re.sub("…+", "…", message))
    return frozenset(found)


def _shown(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else "…"


@pytest.mark.parametrize("message", _messages(), ids=lambda message: message[:40])
def test_messages_of_troubleshooting_are_those_of_the_sources(message: str) -> None:
    if message.endswith("…"):  # the rest is left out
        assert any(template.startswith(message[:-1]) for template in _templates())
    else:
        assert message in _templates()


def test_fifteen_messages_and_fifteen_tasks() -> None:
    assert len(_messages()) >= 15
    tasks = (ROOT / "docs" / "how_to.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", tasks, re.MULTILINE)
    listed = re.findall(r"^\d+\. \[(.+)\]\(#", tasks, re.MULTILINE)
    assert listed == headings
    assert len(listed) == 15


@cache
def _reference() -> str:
    return reference()


def test_the_reference_of_settings_has_every_key_of_the_configuration() -> None:
    page = _reference()
    for path in sorted((ROOT / "conf").rglob("*.yaml")):
        name = path.relative_to(ROOT / "conf").as_posix()
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        for key, value in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).items():
            if key not in ("defaults", "hydra"):
                assert f"`{key}`" in section or f"`{key}." in section, f"{name}: {key}"
                shown = f"| `{key}` | `{value}` |"
                assert not isinstance(value, int) or isinstance(value, bool) or shown in section


def test_the_reference_of_settings_says_type_and_meaning() -> None:
    page = _reference()
    assert "| `top` | `null` | `int \\| None` | number of best edges in edges.tsv" in page
    assert "| `batch_size` |" in page  # a value over several lines
    assert "Networks of one step." in page  # by the schema alone
    assert "statistics are computed on at most so many cells, drawn by the seed; corr" in page
    assert re.search(r"of 2000 cells have an error of 0\.02", page)  # the next line of a comment


def test_the_citation_file_is_complete_and_of_this_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert cited["cff-version"] == "1.2.0"
    assert cited["type"] == "software"
    assert cited["message"]
    assert cited["title"].startswith(project["name"])
    assert cited["version"] == project["version"] == grn.__version__
    assert cited["license"] == project["license"]
    assert set(cited) <= _KEYS_OF_CFF
    for work in (cited, *cited["references"]):
        assert work["authors"]
        for author in work["authors"]:
            assert "name" in author or "family-names" in author
    assert all({"type", "title", "authors"} <= set(work) for work in cited["references"])


_KEYS_OF_CFF = {
    *("abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi"),
    *("identifiers", "keywords", "license", "license-url", "message", "preferred-citation"),
    *("references", "repository", "repository-artifact", "repository-code", "title", "type"),
    *("url", "version"),
}
