"""Assembles the pages of the site: files of the repository, with links that stay within the site.

The pages live where readers of the repository find them (README.md, docs/, notebooks/), and link
to sources and other files. Here every page, and every file that a page links to, gets a place in
one folder, and links are changed to those places. So the site is whole without a network.
"""

import json
import os
import shutil
from pathlib import Path

from scripts.docs.links import is_internal, links, rewritten

_PICTURES = {".png", ".svg"}
_NAMED = {"README.md": "start.md", "CHANGELOG.md": "changelog.md"}
_LANGUAGES = {".py": "python", ".yaml": "yaml", ".cff": "yaml", ".toml": "toml"}


def assemble(root: Path, site: Path) -> None:
    """Write docs/index.md, and every page and file that can be reached from it, into `site`."""
    index = Path("docs/index.md")
    every = sorted((root / "docs").glob("*.md"))
    todo = [index, *(path.relative_to(root) for path in every)]
    done: set[Path] = set()
    while todo:
        path = todo.pop()
        if path in done:
            continue
        done.add(path)
        target = site / place(root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in _PICTURES:
            shutil.copy(root / path, target)
            continue
        text = page(root, path)
        todo += [_linked(path, link) for link in filter(_leaves_the_page, links(text))]
        target.write_text(_moved(root, path, text), encoding="utf-8")
    with (site / "index.md").open("a", encoding="utf-8") as file:
        file.write(contents(root, index))


def place(root: Path, path: Path) -> Path:
    """Return where a file of the repository stands in the site."""
    if path.as_posix() in _NAMED:
        return Path(_NAMED[path.as_posix()])
    if path.parts[0] == "docs" and path.suffix in {".md", *_PICTURES}:
        return Path(*path.parts[1:])
    if path.suffix == ".ipynb":
        return Path("tutorials", f"{path.stem}.md")
    if path.suffix in _PICTURES:
        return Path("pictures") / path
    if path.suffix == ".md":
        return Path("project") / path
    return Path("source") / (path / "index.md" if (root / path).is_dir() else f"{path}.md")


def page(root: Path, path: Path) -> str:
    """Return the Markdown of a file: its own, or made of a notebook, a source or a folder."""
    if (root / path).is_dir():
        names = sorted(entry.name for entry in (root / path).iterdir() if "__" not in entry.name)
        listed = "\n".join(f"- `{name}`" for name in names)
        return f"---\norphan: true\n---\n\n# {path.as_posix()}\n\n{listed}\n"
    text = (root / path).read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return "\n\n".join(_cell(cell) for cell in json.loads(text)["cells"]) + "\n"
    if path.suffix != ".md":
        language = _LANGUAGES.get(path.suffix, "text")
        return f"---\norphan: true\n---\n\n# {path.as_posix()}\n\n````{language}\n{text}````\n"
    inside = path.parts[0] == "docs" or path.as_posix() in _NAMED
    return text if inside else f"---\norphan: true\n---\n\n{text}"


def contents(root: Path, index: Path) -> str:
    """Return tables of contents, one per section of the index, from the links of its lists."""
    tables = []
    for section in (root / index).read_text(encoding="utf-8").split("\n## ")[1:]:
        caption, _, body = section.partition("\n")
        rows = [line for line in body.splitlines() if line.startswith("- [")]
        entries = [_entry(root, index, row) for row in rows]
        entries = ["api/index", "configuration", *entries] if caption == "Reference" else entries
        listed = "\n".join(entries)
        tables.append(f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n")
    return "".join(tables)


def _entry(root: Path, index: Path, row: str) -> str:
    """Return a row of the index as an entry of a table of contents: its title, and its place."""
    title = row.removeprefix("- [").partition("](")[0]
    document = place(root, _linked(index, links(row)[0])).with_suffix("")
    return f"{title} <{document.as_posix()}>"


def _cell(cell: dict[str, str | list[str]]) -> str:
    """Return a cell of a notebook as Markdown."""
    source = cell["source"]
    text = source if isinstance(source, str) else "".join(source)
    return text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```"


def _leaves_the_page(link: str) -> bool:
    return is_internal(link) and not link.startswith("#")


def _linked(path: Path, link: str) -> Path:
    """Return the file of the repository that a link of a page leads to."""
    return Path(os.path.normpath(path.parent / link.partition("#")[0]))


def _moved(root: Path, path: Path, text: str) -> str:
    """Return the text with its links changed to places in the site."""
    here = place(root, path).parent

    def change(link: str) -> str:
        if not _leaves_the_page(link):
            return link
        _, hash_, heading = link.partition("#")
        there = os.path.relpath(place(root, _linked(path, link)), here)
        return f"{Path(there).as_posix()}{hash_}{heading}"

    return rewritten(text, change)
