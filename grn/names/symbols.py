"""Matches gene names that are spelled differently: Ensembl versions, aliases, case."""

import logging
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from grn.errors import InputError
from grn.files import is_file

logger = logging.getLogger(__name__)

# Names of the matching rules, in the order in which they are tried.
EXACT = "exactly"
VERSION = "without version suffix"
ALIAS = "by alias"
CASE = "ignoring case"

_N_EXAMPLES = 3  # chosen by hand: a message that lists names stays on a line or two
_ENSEMBL = re.compile(r"(ENS([A-Z]*)[GT]\d+)(?:\.\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class NameMatch:
    """Result of matching requested names to existing ones: the rule for each, and the failures."""

    by: dict[str, dict[str, str]]
    """For each rule that matched any name, requested name → existing name."""
    found: list[str]
    """Existing names that were matched, in their own order, each once."""
    ambiguous: list[str]
    """Requested names that fit several existing ones, or one that another requested name fits."""
    unmatched: list[str]
    """Requested names that fit no existing one."""

    @property
    def matched(self) -> dict[str, str]:
        """Requested name → existing name, for all rules together."""
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
        """Return the report in one line: `300 exactly, 12 ignoring case (Sox2 for SOX2)`."""
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

    Four rules are tried in turn, each on the names that no earlier rule matched: the names are
    equal; the Ensembl ids are equal without their version suffix; the names are equal after
    aliases on both sides are replaced by the names they stand for; the names differ in case alone.
    A rule matches two names only if each fits no name but the other, so no name is matched twice.
    The result does not depend on the order of the names.

    Parameters
    ----------
    asked
        Requested names, such as those of regulators.
    there
        Existing names, such as the genes of the data.
    aliases
        Other names, each with the name it stands for. They are recognised on both sides, and their
        version suffix and case are ignored. An alias that is itself a name with aliases is not
        replaced.
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
        CSV or TSV file (gzip or not) with two columns, alias and name, such as synonym and symbol,
        or Ensembl id and symbol. The first field may hold several aliases, separated by `|`. The
        header `alias, name` is optional; any other header is read as a pair that matches no gene.

    Returns
    -------
    Alias → name. An alias of two names is ambiguous. It is left out with a warning, not an error,
    since public tables hold hundreds of them.

    Raises
    ------
    InputError
        The file is missing, cannot be read, does not have two columns, or holds no alias.

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
    """Return the species letters of an Ensembl id, empty for human; None for other names."""
    found = _ENSEMBL.fullmatch(name)
    return found[2].upper() if found else None


def are_ensembl(names: Collection[str]) -> bool:
    """Return whether most names are Ensembl ids of genes or transcripts."""
    return sum(map(bool, map(_ENSEMBL.fullmatch, names))) > len(names) / 2


def without_version(name: str) -> str:
    """Return an Ensembl id without its version suffix; other names are returned unchanged."""
    found = _ENSEMBL.fullmatch(name)
    return found[1] if found else name


def listed(names: Iterable[str]) -> str:
    """Return up to three names in alphabetical order, as text for a message."""
    return first_of(sorted(set(map(str, names))))


def first_of(names: Sequence[str]) -> str:
    """Return the first three names, as text for a message."""
    shown = ", ".join(map(str, names[:_N_EXAMPLES]))
    return shown + (", …" if len(names) > _N_EXAMPLES else "")


def _spellings(aliases: Mapping[str, str]) -> dict[str, Callable[[str], str]]:
    """Return the key function of each rule; a rule matches names whose keys are equal."""

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
    """Respell aliases and names; drop aliases of two names, and those that are names too."""
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
    if not is_file(path):
        msg = f"no alias file at {path}. {expected}"
        raise InputError(msg)
    widest = 0
    try:
        for separator in ",\t;":
            # Every field is text, since `NA` and `1` may be names.
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
