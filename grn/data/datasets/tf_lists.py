"""Reads the list of candidate transcription factors, from a file or by species."""

import csv
import logging
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from grn.data.datasets.catalogue import read_fetchables, read_resources
from grn.data.datasets.fetch import fetch_from_record
from grn.data.datasets.resources import fetch_resource, tf_list_names
from grn.data.datasets.root import cache_folder, data_folder
from grn.data.datasets.unpack import find_unpacked, scratch_folder, unpack
from grn.edges.load import are_counted
from grn.edges.words import LABELS, plain, value
from grn.errors import InputError
from grn.files import exists, is_file
from grn.names.symbols import are_ensembl, listed
from grn.text import open_text

logger = logging.getLogger(__name__)

SPECIES: tuple[Literal["human", "mouse"], ...] = ("human", "mouse")
# Made by scripts/tf_lists.py; each file states its source, licence and whom to cite.
_SHIPPED = Path(__file__).parent / "species"
# Words that people write over the column, as `plain` returns them, the best first; none is the
# symbol of a TF.
_HEADERS: tuple[str, ...] = ("tf", "tfs", "tf_name", "tf_names", "tf_symbol", "regulator")
_HEADERS += ("transcription_factor", "transcription_factors", "regulators", "regulator_symbol")
_HEADERS += ("source_genesymbol", "source", "hgnc_symbol", "mgi_symbol", "approved_symbol")
_HEADERS += ("symbol", "symbols", "gene_symbol", "gene_symbols", "external_gene_name")
_HEADERS += ("gene_name", "gene_names", "gene", "genes", "gene1", "name", "names")
_OF_TABLES_ALONE = ("gene1",)  # in a list, it is the first of numbered genes
# A column that says of each gene whether it is one.
_IS_TF = ("is_tf", "istf", "is_regulator")
_SYMBOL = re.compile(r"[A-Za-z][\w.:()/@-]{0,24}")
# Characters around a list in Python, R or JSON.
_BRACKETS = re.compile(r"\s*(?:c\(|[\[({])(.*)[\])}]\s*", re.DOTALL)
_N_TITLES = 5  # lines in which a header is looked for


def read_tf_list(source: str | Path) -> list[str]:
    """Read TF names, in the order of the file, each once.

    One name per line, or names on one or several lines with commas, semicolons, tabs, bars or
    blanks between them; of a table the column that its header names, such as `TF` or `HGNC
    symbol`, of which a column `Is TF?` leaves rows out, else the first that is no index. Headers,
    titles, comments (`#`), quotes, blanks, brackets and byte order marks are passed over.

    `human`, `mouse`, `fly`, `fish`, `rat` and `yeast` are the genes that the Gene Ontology calls
    TFs, unless a file of that name exists, or `tf_lists/<species>.txt` in the data folder
    (`data_folder`). The lists of human and mouse are part of the package, whatever is in the
    cache; those of the others are fetched once into the cache.

    Parameters
    ----------
    source
        Path of a text file, or one of these species.

    Raises
    ------
    InputError
        No such file, no names in it, or not a text file; a species' list is nowhere and cannot
        be fetched.
    """
    path = Path(source)
    if not is_file(path) and str(source) in (*SPECIES, *tf_list_names()):
        path = _species_list(str(source))
    if not exists(path):
        named = ", ".join((*SPECIES, *tf_list_names()))
        msg = f"no TF list at {path}. Pass a file with one name per line, or one of {named}."
        raise InputError(msg)
    if path.is_dir():
        msg = f"the TF list {path} is a folder; pass a text file with one name per line."
        raise InputError(msg)
    try:
        with open_text(path) as stream:
            text = stream.read()
    except (UnicodeError, EOFError, zlib.error, OSError) as error:
        msg = f"the TF list {path} is not a text file; expected one name per line in UTF-8."
        raise InputError(msg) from error
    if "\0" in text:
        msg = f"the TF list {path} is a binary file; expected text with one name per line."
        raise InputError(msg)
    names = _names(_rows(text), path)
    if not names:
        msg = f"the TF list {path} holds no names; expected one per line."
        raise InputError(msg)
    return list(dict.fromkeys(names))


def _rows(text: str) -> list[list[str]]:
    """Return the fields of each line that has any, without quotes and comments."""
    bracketed = _BRACKETS.fullmatch(text)
    lines = (bracketed[1] if bracketed else text).splitlines()
    lines = [line.split(" #")[0].strip(" ") for line in lines]  # a tab in front is a field
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    counts = {mark: sum(mark in line for line in lines) for mark in "\t,;|"}
    separator = max(counts, key=lambda mark: counts[mark])
    if not counts[separator]:
        # No symbol holds a blank, but headers do.
        header = next((i for i, line in enumerate(lines[:_N_TITLES]) if _is_header([line])), None)
        # A line above a header is a title if it has several words; else it is the first name.
        if header is not None and all(" " in line for line in lines[:header]):
            lines = [plain(lines[header]), *lines[header + 1 :]]
        separator = " "
    rows = []
    for row in csv.reader(lines, delimiter=separator, skipinitialspace=True):
        fields = [field.strip().strip("\"'").strip() for field in row]
        while fields and not fields[-1]:
            fields.pop()
        if fields:
            rows.append(fields)
    return rows


def _is_header(row: Sequence[str], rows: Sequence[Sequence[str]] = ()) -> bool:
    """Return whether a line is a header: its words do not occur in the lines below."""
    if list(row) == ["x"] or (len(row) > 1 and not row[0]):
        return True  # R calls a column without a name x
    known = [word for word in _HEADERS if len(row) > 1 or word not in _OF_TABLES_ALONE]
    words = [i for i, field in enumerate(row) if plain(field) in known]
    return any(row[i] not in {below[i] for below in rows if i < len(below)} for i in words)


def _names(rows: list[list[str]], path: Path) -> list[str]:
    """Return the names in a list or a table, after deciding which it is."""
    for i, row in enumerate(rows[:_N_TITLES]):
        # Above a header stand titles, which are no names: they have blanks, or another length.
        titles = all(len(above) != len(row) or " " in above[0] for above in rows[:i])
        if titles and _is_header(row, rows[i + 1 :]):
            header, body = row, rows[i + 1 :]
            numbered = bool(body) and are_counted(body)
            if numbered and max(map(len, body)) == len(header) + 1:
                header = ["", *header]  # R's names of rows have no header
            if len(header) > 1 or all(len(fields) == 1 for fields in body):
                return _column(header, body, numbered, path)
            return _without_header(body, path)
    return _without_header(rows, path)


def _column(header: Sequence[str], rows: list[list[str]], numbered: bool, path: Path) -> list[str]:
    """Return the column of a table whose header fits best, for rows that are TFs."""
    spelled = [plain(field) for field in header]
    at = next((spelled.index(word) for word in _HEADERS if word in spelled), int(numbered))
    mark = next((spelled.index(word) for word in _IS_TF if word in spelled), None)
    if mark is not None:
        said = [LABELS.get(value(row[mark])) if mark < len(row) else None for row in rows]
        rows = [row for row, is_tf in zip(rows, said, strict=True) if is_tf != 0]
    if len(header) > 1:
        by = "" if mark is None else f", of the rows that {header[mark]!r} calls TFs"
        logger.info("%s: the TFs are the column %r%s", path, header[at] or at + 1, by)
    return [row[at] for row in rows if at < len(row) and row[at]]


def _without_header(rows: list[list[str]], path: Path) -> list[str]:
    """Return all names of a list, or the first column of a table."""
    if rows and are_counted(rows) and max(map(len, rows)) > 1:
        rows = [row[1:] for row in rows if len(row) > 1]
    width = max(map(len, rows), default=0)
    fields = [field for row in rows for field in row if field]
    if width < 2:
        return fields
    if len(rows) == 1 or _are_lines_of_names(rows, width):
        return [field for field in fields if not field.isdigit()] or fields  # or Entrez ids
    logger.warning(
        "%s: the TFs are taken from the first of %d columns (%s); the others are ignored. A "
        "header such as TF over a column says which one it is.",
        *(path, width, listed(row[0] for row in rows)),
    )
    return [row[0] for row in rows if row[0]]


def _are_lines_of_names(rows: list[list[str]], width: int) -> bool:
    """Return whether every field may be a name: if lines differ in length, or all fields differ.

    Two columns, and columns of which some are ids, are a table.
    """
    fields = [field for row in rows for field in row if field]
    if not all(map(_SYMBOL.fullmatch, fields)):
        return False
    if len({are_ensembl([row[i] for row in rows if i < len(row)]) for i in range(width)}) > 1:
        return False
    ragged = any(len(row) != width for row in rows)
    return ragged or (width > 2 and len(set(fields)) == len(fields))


def _species_list(species: str) -> Path:
    """Return the path of a species' list: the user's, the package's, or a fetched one.

    The cache holds what earlier commands and versions fetched, which must not decide what the
    names of the lists of the package mean.
    """
    name = f"tf_lists/{species}.txt"
    folder = data_folder()
    of_user = [] if folder is None else [folder]
    roots = of_user if species in SPECIES else [*of_user, cache_folder()]
    own = next((root / name for root in roots if (root / name).is_file()), None)
    if own is not None:
        logger.info("%s TFs: those of %s", species, own)
        return own
    if species in SPECIES:
        logger.info("%s TFs: the list of the package (Gene Ontology, CC BY 4.0)", species)
        return _SHIPPED / f"{species}.txt"
    try:
        resource = read_resources()[tf_list_names()[species]]
        logger.info("%s (%s; %s)", resource.what, resource.licence, resource.citation)
        return next(fetch_resource(resource)).path
    except InputError as error:
        msg = (
            f"the {species} TF list is not at {roots[0] / name}, and fetching it failed: {error} "
            f"Or put a list at {cache_folder() / name}, or pass a file with one name per line."
        )
        raise InputError(msg) from error


def fetch_tf_lists() -> Path:
    """Write BEELINE's TF lists, from its networks on Zenodo, to the cache; return their folder.

    They are files for `--tfs FILE`: `--tfs human` is the list of the package.

    Raises
    ------
    InputError
        The record cannot be downloaded, is damaged, or has no such lists.
    """
    folder = cache_folder() / "tf_lists"
    missing = [species for species in SPECIES if not (folder / f"{species}.txt").exists()]
    if not missing:
        return folder
    record = read_fetchables()["tf_lists"]
    archive = fetch_from_record(record, record.files[0])
    with scratch_folder(folder.parent) as scratch:
        unpack(archive, scratch / "all", lambda name: name.endswith("-tfs.csv"))
        folder.mkdir(exist_ok=True)
        for species in missing:
            names = read_tf_list(find_unpacked(scratch / "all", f"{species}-tfs.csv"))
            whole = scratch / f"{species}.txt"
            whole.write_text("\n".join(names) + "\n", encoding="utf-8")
            whole.replace(folder / whole.name)
            logger.info("%d %s TFs in %s", len(names), species, folder / whole.name)
    return folder
