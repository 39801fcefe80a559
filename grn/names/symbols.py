"""Gene names as people write them: symbols and Ensembl ids, case, aliases, species."""

import logging
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from grn.errors import InputError

logger = logging.getLogger(__name__)

# The rules in the order in which they are tried.
EXACT = "exactly"
VERSION = "without version suffix"
ALIAS = "by alias"
CASE = "ignoring case"

_N_EXAMPLES = 3
_ENSEMBL = re.compile(r"(ENS([A-Z]*)[GT]\d+)(?:\.\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class NameMatch:
    """Which of the names that are asked for are there, by which rule, and which are not."""

    by: dict[str, dict[str, str]]
    """For each rule that matched anything, name asked for → name there."""
    found: list[str]
    """Names there that were matched, in their order there, each once."""
    ambiguous: list[str]
    """Names that fit more than one there, or one that another name fits too."""
    unmatched: list[str]
    """Names that fit nothing there."""

    @property
    def matched(self) -> dict[str, str]:
        """Name asked for → name there, of all rules together."""
        return {name: found for pairs in self.by.values() for name, found in pairs.items()}

    def report(self) -> dict[str, Any]:
        """Return counts and up to three examples as plain values, for JSON."""
        kinds = {rule: _pairs(pairs) for rule, pairs in self.by.items()}
        kinds |= {"ambiguous": self.ambiguous, "unmatched": self.unmatched}
        return {
            "asked": sum(map(len, kinds.values())),
            "matched": len(self.matched),
            "counts": {kind: len(names) for kind, names in kinds.items()},
            "examples": {kind: sorted(names)[:_N_EXAMPLES] for kind, names in kinds.items()},
        }

    def summary(self) -> str:
        """Say the report in one line, such as `300 exactly, 12 ignoring case (Sox2 for SOX2)`."""
        said = [
            f"{len(pairs)} {rule}" + ("" if rule == EXACT else f" ({listed(_pairs(pairs))})")
            for rule, pairs in self.by.items()
        ]
        parts = [", ".join(said) or "none"]
        if self.ambiguous:
            parts.append(f"ambiguous, so left out: {listed(self.ambiguous)}")
        if self.unmatched:
            parts.append(f"not among them: {listed(self.unmatched)}")
        return "; ".join(parts)


def match_names(
    asked: Iterable[str], there: Iterable[str], aliases: Mapping[str, str] | None = None
) -> NameMatch:
    """Find names among others that may be spelled differently.

    Each rule is tried on the names that no earlier one matched: the same name; the same Ensembl id
    without version suffix; the same name once aliases, on both sides, are replaced by what they
    stand for; the same but for case. A rule matches two names where they fit nothing but each
    other, so that none is given away twice. The order of the names changes nothing.

    Parameters
    ----------
    asked
        Names to look for, such as regulators.
    there
        Names to look among, such as the genes of the data.
    aliases
        Other names, each with the name it stands for; met on either side, whatever their version
        suffix and case. One that is also a name, of which others are aliases, stays itself.
    """
    there = dict.fromkeys(there)
    left = dict.fromkeys(asked)
    by: dict[str, dict[str, str]] = {}
    taken: set[str] = set()
    unclear: set[str] = set()
    for rule, spelling in _spellings(aliases or {}).items():
        if not left:
            break
        wanted, present = _grouped(left, spelling), _grouped(there, spelling)
        pairs = {}
        for key, names in wanted.items():
            found = present.get(key, [])
            if len(names) == len(found) == 1 and found[0] not in taken:
                pairs[names[0]] = found[0]
            elif found:
                unclear.update(names)
        if pairs:
            by[rule] = pairs
            taken.update(pairs.values())
            left = {name: None for name in left if name not in pairs}
    return NameMatch(
        by,
        found=[name for name in there if name in taken],
        ambiguous=[name for name in left if name in unclear],
        unmatched=[name for name in left if name not in unclear],
    )


def read_aliases(path: str | Path) -> dict[str, str]:
    r"""Read other names of genes, each with the name it stands for.

    Parameters
    ----------
    path
        CSV or TSV (gzip or not) of two columns, alias and name, such as synonym and symbol, or
        Ensembl id and symbol. The first field may hold several aliases, separated by `|`. A header
        `alias, name` is optional; any other header is read as a pair that matches no gene.

    Returns
    -------
    Alias → name. An alias of two names is ambiguous: it is left out, with a warning, since public
    tables hold hundreds of them.

    Raises
    ------
    InputError
        The file is missing, cannot be read, has not two columns, or holds no alias.

    Examples
    --------
    >>> Path("aliases.tsv").write_text("OCT4|OTF3\tPOU5F1\n", encoding="utf-8")
    17
    >>> grn.read_aliases("aliases.tsv")
    {'OCT4': 'POU5F1', 'OTF3': 'POU5F1'}
    """
    table = _read_two_columns(Path(path))
    aliases: dict[str, str] = {}
    ambiguous: set[str] = set()
    for field, name in table.itertuples(index=False):
        for alias in map(str.strip, field.split("|")):
            if alias and name.strip() and aliases.setdefault(alias, name.strip()) != name.strip():
                ambiguous.add(alias)
    if aliases.get("alias") == "name":
        del aliases["alias"]
    if ambiguous:
        logger.warning(
            "%s: %d alias(es) stand for more than one name and are left out: %s",
            *(path, len(ambiguous), listed(ambiguous)),
        )
    aliases = {alias: name for alias, name in aliases.items() if alias not in ambiguous}
    if not aliases:
        msg = f"{path} holds no alias of a single name. Expected two columns: alias, name."
        raise InputError(msg)
    return aliases


def ensembl_prefix(name: str) -> str | None:
    """Return the letters that say the species of an Ensembl id, empty for human; else None."""
    found = _ENSEMBL.fullmatch(name)
    return found[2].upper() if found else None


def are_ensembl(names: Collection[str]) -> bool:
    """Say whether most names are Ensembl ids of genes or transcripts."""
    return sum(map(bool, map(_ENSEMBL.fullmatch, names))) > len(names) / 2


def without_version(name: str) -> str:
    """Return an Ensembl id without its version suffix, any other name as it is."""
    found = _ENSEMBL.fullmatch(name)
    return found[1] if found else name


def listed(names: Iterable[str]) -> str:
    """Show up to three names, in alphabetical order."""
    return first_of(sorted(set(map(str, names))))


def first_of(names: Sequence[str]) -> str:
    """Show the first three names."""
    shown = ", ".join(map(str, names[:_N_EXAMPLES]))
    return shown + (", …" if len(names) > _N_EXAMPLES else "")


def _spellings(aliases: Mapping[str, str]) -> dict[str, Callable[[str], str]]:
    """Return, for each rule, what two names that it matches have in common."""

    def folded(name: str) -> str:
        return without_version(name).upper()

    name_of, folded_name_of = _translated(aliases, without_version), _translated(aliases, folded)

    def by_alias(name: str) -> str:
        name = without_version(name)
        return name_of.get(name, name)

    def by_case(name: str) -> str:
        name = folded(name)
        return folded_name_of.get(name, name)

    return {EXACT: str, VERSION: without_version, ALIAS: by_alias, CASE: by_case}


def _translated(aliases: Mapping[str, str], spelling: Callable[[str], str]) -> dict[str, str]:
    """Respell aliases and names; leave out what then stands for two names or is a name itself."""
    result: dict[str, str] = {}
    unusable = set(map(spelling, aliases.values()))
    for alias, name in aliases.items():
        if result.setdefault(spelling(alias), spelling(name)) != spelling(name):
            unusable.add(spelling(alias))
    return {alias: name for alias, name in result.items() if alias not in unusable}


def _grouped(names: Iterable[str], spelling: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(spelling(name), []).append(name)
    return groups


def _read_two_columns(path: Path) -> pd.DataFrame:
    expected = "Expected a CSV or TSV file of two columns: alias, name."
    if not path.is_file():
        msg = f"no alias file at {path}. {expected}"
        raise InputError(msg)
    widest = 0
    try:
        for separator in ",\t;":
            # Every field is text: `NA` and `1` are names as good as any.
            table = pd.read_csv(
                path,
                sep=separator,
                header=None,
                dtype=str,
                keep_default_na=False,
                encoding="utf-8-sig",
            )
            if table.shape[1] == 2:
                return table.fillna("")
            widest = max(widest, table.shape[1])
    except (OSError, EOFError, zlib.error, ValueError) as error:
        msg = f"the alias file {path} cannot be read ({error}). {expected}"
        raise InputError(msg) from error
    msg = f"the alias file {path} has {widest} column(s). {expected}"
    raise InputError(msg)


def _pairs(pairs: Mapping[str, str]) -> list[str]:
    return [name if name == there else f"{there} for {name}" for name, there in pairs.items()]
