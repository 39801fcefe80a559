"""Finds the JavaScript of vis-network and DataTables in the packages that bring it."""

from base64 import b64encode
from importlib.util import find_spec
from pathlib import Path

from grn.errors import InputError

# Packages and files in them. The packages are not imported: one would load all of IPython.
_GRAPH = ("pyvis", "lib/vis-9.1.2/vis-network.min.js")
_TABLE = ("itables", "html/dt_bundle.js")
_TABLE_STYLE = ("itables", "html/dt_bundle.css")


def graph_script() -> str:
    """Return vis-network (Apache 2.0 or MIT), as the text of a script that defines `vis`."""
    return _read(*_GRAPH).replace("</script", r"<\/script")


def table_module() -> str:
    """Return DataTables with jQuery (both MIT), a module, in base64."""
    return b64encode(_read(*_TABLE).encode()).decode("ascii")


def table_style() -> str:
    """Return the style sheet of DataTables."""
    return _read(*_TABLE_STYLE).replace("</style", r"<\/style")


def check_report() -> None:
    """Make sure that what a report is made with is installed.

    Raises
    ------
    InputError
        A package, or the file that is needed of it, is missing.
    """
    for package, name in (_GRAPH, _TABLE, _TABLE_STYLE):
        _find(package, name)


def _read(package: str, name: str) -> str:
    return _find(package, name).read_text(encoding="utf-8")


def _find(package: str, name: str) -> Path:
    found = find_spec(package)
    folders = [] if found is None else list(found.submodule_search_locations or [])
    for folder in folders:
        path = Path(folder) / name
        if path.is_file():
            return path
    msg = (
        f"the report needs {name} of the package {package}, which is not installed here in the "
        f"expected version. Run pip install {package}, or leave the report out (report=false, "
        "--no-report)."
    )
    raise InputError(msg)
