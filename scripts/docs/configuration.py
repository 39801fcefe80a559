"""Makes the reference of every setting, from conf/ with its comments and the schemas.

A key's meaning is the comment beside or above it in the YAML file, or else the docstring below
its field in grn/config/schemas.py; its type is the field's.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
_HEAD = """# Configuration

Every setting of `grn train`, `grn benchmark` and `grn pretrain`, made from `conf/` and its
schemas. A file of a group is chosen by `group=file` (`data=file`, `logger=none`), a key is set by
`group.key=value` (`data.cells=cells.h5ad`, `model.max_cells=5000`); `grn infer` takes the same
keys after `--set`. `python train.py --cfg job` prints them all as they are in effect, and a key
that does not exist is an error that names those beside it. `???` has to be given; `${...}` is the
value of another key.

"""
_ROOTS = {"train": "RunConfig", "benchmark": "BenchmarkConfig", "pretrain": "PretrainConfig"}


class Field(NamedTuple):
    """What a schema says of a key."""

    type: str
    meaning: str


def reference() -> str:
    """Return the page."""
    conf = ROOT / "conf"
    roots = [conf / f"{name}.yaml" for name in _ROOTS]
    groups = sorted(path for path in conf.rglob("*.yaml") if path.parent != conf)
    return _HEAD + "\n".join(_section(path.relative_to(conf), path) for path in roots + groups)


def _section(name: Path, path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    fields = _fields_of(name, text)
    node = yaml.compose(text)
    rows = [] if node is None else list(_rows(node, lines, fields))
    intro = " ".join(_opening(lines))
    table = ["| key | default | type | meaning |", "|---|---|---|---|", *rows]
    return "\n".join([f"## {name.as_posix()}", "", *([intro, ""] if intro else []), *table, ""])


def _opening(lines: list[str]) -> Iterator[str]:
    """Yield the comment that a file begins with; a line for Hydra is none."""
    for line in lines:
        if not line.startswith("#"):
            return
        if not line.startswith("# @"):
            yield _escaped(line.lstrip("# "))


def _rows(
    node: yaml.Node, lines: list[str], fields: dict[str, Field], prefix: str = ""
) -> Iterator[str]:
    """Yield a row for every key that holds a value or a short list."""
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        if name == "hydra":
            continue
        comment = _comment(key, value, lines)
        if name == "defaults":
            yield from _choices(value, lines)
            continue
        known = fields.get(name, Field("", ""))
        nested = isinstance(value, yaml.MappingNode) and not value.flow_style and value.value
        if not nested or comment or known.meaning:
            default = "" if nested else f"`{_default(value, lines)}`"
            said = comment or _escaped(known.meaning)
            shown = f"`{_escaped(known.type)}`" if known.type and not nested else ""
            yield f"| `{name}` | {_escaped(default)} | {shown} | {said} |"
        if nested:
            yield from _rows(value, lines, fields, f"{name}.")


def _choices(node: yaml.Node, lines: list[str]) -> Iterator[str]:
    """Yield a row for every group of the defaults list, with the file that is taken."""
    for entry in node.value:
        if not isinstance(entry, yaml.MappingNode):
            continue
        ((key, value),) = entry.value
        if key.value.startswith("override"):
            continue
        folder = ROOT / "conf" / key.value
        files = sorted(path.stem for path in folder.glob("*.yaml"))
        said = _comment(key, value, lines)
        there = f"one of {', '.join(f'`{file}`' for file in files)}" if files else ""
        yield f"| `{key.value}=` | `{value.value}` | {there} | {said} |"


def _default(node: yaml.Node, lines: list[str]) -> str:
    """Return a value as the file has it; a list in lines is put into one."""
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        entries = [entry.value for entry in node.value]
        shown = entries if len(entries) <= 3 else [*entries[:2], "…", entries[-1]]
        return f"[{', '.join(map(str, shown))}]"
    start, end = node.start_mark, node.end_mark
    if start.line == end.line:
        return str(lines[start.line][start.column : end.column])
    parts = [lines[start.line][start.column :], *lines[start.line + 1 : end.line + 1]]
    return " ".join(re.sub(r"\s+#.*", "", part).strip() for part in parts)


def _comment(key: yaml.Node, value: yaml.Node, lines: list[str]) -> str:
    """Return the comment beside a key with its further lines, or the one above it."""
    number = key.start_mark.line
    inline = isinstance(value, yaml.ScalarNode) or value.flow_style
    end = value.end_mark if inline else key.end_mark
    beside = re.search(r"\s#\s*(.*)", lines[end.line][end.column :])
    if beside:
        said = [beside[1]]
        for line in lines[end.line + 1 :]:
            # One that begins further left is the comment of the next key.
            further = re.match(r"\s{12,}#\s*(.*)", line)
            if not further:
                break
            said.append(further[1])
        return _escaped(" ".join(said))
    above: list[str] = []
    while number > 0 and re.match(r"\s{0,4}#", lines[number - 1]):
        number -= 1
        above.insert(0, lines[number].strip().lstrip("# "))
    return _escaped(" ".join(above)) if number > 0 else ""


def _fields_of(name: Path, text: str) -> dict[str, Field]:
    """Return what the schemas say of the keys of a file, by their dotted names."""
    schemas = _schemas()
    if name.parent == Path():
        return dict(_dotted(schemas, _ROOTS[name.stem]))
    named = re.search(r"/schema/data/(\w+)@", text)
    if named:
        return dict(_dotted(schemas, _data_schemas()[named[1]]))
    if name.parent.name == "model":
        return dict(_dotted(schemas, "ModelConfig"))
    return dict(_dotted(schemas, "DataConfig")) if name.parent.name == "data" else {}


def _dotted(
    schemas: dict[str, dict[str, Field]], schema: str, prefix: str = ""
) -> Iterator[tuple[str, Field]]:
    for name, field in schemas[schema].items():
        yield f"{prefix}{name}", field
        if field.type in schemas:
            yield from _dotted(schemas, field.type, f"{prefix}{name}.")


def _documented(after: ast.stmt | None) -> str:
    """Return the string below a field; no text where something else is there."""
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
        return str(after.value.value)
    return ""


@cache
def _tree() -> ast.Module:
    return ast.parse((ROOT / "grn" / "config" / "schemas.py").read_text(encoding="utf-8"))


@cache
def _schemas() -> dict[str, dict[str, Field]]:
    """Return the fields of every dataclass, those of its parent first."""
    found: dict[str, dict[str, Field]] = {}
    for node in _tree().body:
        if not isinstance(node, ast.ClassDef):
            continue
        fields: dict[str, Field] = {}
        for parent in node.bases:
            fields |= found[ast.unparse(parent)]
        for one, after in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(one, ast.AnnAssign):
                meaning = _documented(after)
                fields[ast.unparse(one.target)] = Field(ast.unparse(one.annotation), meaning)
        found[node.name] = fields
    return found


def _data_schemas() -> dict[str, str]:
    """Return the schema of each kind of data, by the name that conf/data gives it."""
    for node in _tree().body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.value, ast.Dict):
            continue
        if ast.unparse(node.target) == "DATA_SCHEMAS":
            return {
                str(ast.literal_eval(key)): ast.unparse(value)
                for key, value in zip(node.value.keys, node.value.values, strict=True)
                if key is not None
            }
    msg = "grn/config/schemas.py has no DATA_SCHEMAS"
    raise LookupError(msg)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
