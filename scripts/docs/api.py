"""Pages of the API reference: one for every public name, filled from its docstring by autodoc."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

MODULES = {
    "grn": "From cells to edges, and to their evaluation.",
    "grn.pl": "Pictures; each function returns its axes.",
    "grn.tl": "Tools on a network: activity, drivers, specificity, differences, knock-outs.",
    "flashsign": "Spherical attention on its own, for any model.",
}
"""The modules of the reference, and what each is for."""


def write_api(folder: Path) -> None:
    """Write a page for every public name, and an index of them."""
    folder.mkdir(parents=True, exist_ok=True)
    sections = []
    for module, about in MODULES.items():
        names = [f"{module}.{name}" for name in public_names(module)]
        for name in names:
            (folder / f"{name}.rst").write_text(_page(name), encoding="utf-8")
        # A name in a table of contents is a link with the title of the page, which is the name.
        listed = "\n".join(f"   {name}" for name in names)
        sections.append(f"{_title(module, '-')}\n{about}\n\n.. toctree::\n\n{listed}\n")
    text = f"{_title('API', '=')}\n" + "\n".join(sections)
    (folder / "index.rst").write_text(text, encoding="utf-8")


def public_names(module: str) -> list[str]:
    """Return what a module exports, other modules left out."""
    exported = _module(module).__all__
    return sorted(name for name in exported if f"{module}.{name}" not in MODULES)


def _module(name: str) -> ModuleType:
    """Return a module; `grn.pl` and `grn.tl` are attributes of `grn`."""
    top, _, attribute = name.partition(".")
    found = import_module(top)
    inner: ModuleType = getattr(found, attribute) if attribute else found
    return inner


def _page(name: str) -> str:
    module, _, attribute = name.rpartition(".")
    value = getattr(_module(module), attribute)
    if not isinstance(value, type):
        directive = (
            "autofunction" if callable(value) and hasattr(value, "__name__") else "autodata"
        )
        return f"{_title(name, '=')}\n.. {directive}:: {name}\n"
    kind = "autoexception" if issubclass(value, Exception) else "autoclass"
    return f"{_title(name, '=')}\n.. {kind}:: {name}\n   :members:\n"


def _title(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}\n"
