"""Finds the files that decide the result of a method: all that its module imports."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_OURS = ("grn", "flashsign")
_WEIGHTS = "*.pt"


@cache
def source_files(module: str) -> tuple[Path, ...]:
    """Return the files of this project that a module imports, directly or not, sorted by path.

    Imports are read from the source, including those inside functions, but not those for types
    alone (`if TYPE_CHECKING:`). Trained weights beside an imported module are included. Only the
    packages above the modules are executed.

    Parameters
    ----------
    module
        Its full name; it belongs to the result.

    Raises
    ------
    ValueError
        There is no such module.
    """
    files: set[Path] = set()
    seen: set[str] = set()
    to_read = [module]
    while to_read:
        name = to_read.pop()
        if name in seen:
            continue
        seen.add(name)
        file = _file(name)
        if file is None:
            if name == module:
                msg = f"no module {name!r}"
                raise ValueError(msg)
            continue
        files |= {file, *file.parent.glob(_WEIGHTS)}
        to_read += _imported(ast.parse(file.read_text(encoding="utf-8")))
    return tuple(sorted(files))


def _file(name: str) -> Path | None:
    """Return the file of a module of ours; None where the name is of something else."""
    if name.partition(".")[0] not in _OURS:
        return None
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:  # `name` is a function of a module
        return None
    return None if spec is None or spec.origin is None else Path(spec.origin)


def _imported(tree: ast.AST) -> Iterator[str]:
    """Yield what a piece of source imports; of `from a import b`, both a and a.b."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        else:
            yield from _imported(node)
