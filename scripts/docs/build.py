"""Builds the documentation site into docs/_build/html; warnings are errors. No network is used."""

import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx

from scripts.docs.api import write_api
from scripts.docs.configuration import reference
from scripts.docs.pages import assemble

ROOT = Path(__file__).resolve().parents[2]


def build(root: Path = ROOT) -> int:
    """Assemble the pages, let Sphinx build them, and return its exit code."""
    folder = root / "docs" / "_build"
    shutil.rmtree(folder, ignore_errors=True)
    pages = folder / "pages"
    assemble(root, pages)
    write_api(pages / "api")
    (pages / "configuration.md").write_text(reference(), encoding="utf-8")
    settings = ["-c", str(root / "docs"), "-W", "--keep-going", "--quiet", "-b", "html"]
    code = sphinx([*settings, "-d", str(folder / "doctrees"), str(pages), str(folder / "html")])
    if code == 0:
        print(f"the site is {folder / 'html' / 'index.html'}")
    return code


if __name__ == "__main__":
    sys.exit(build())
