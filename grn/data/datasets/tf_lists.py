"""Read the list of transcription factors that may regulate, from a file or by species."""

import logging
from pathlib import Path
from typing import Literal

from grn.data.datasets.catalogue import read_fetchables
from grn.data.datasets.fetch import fetch_from_record
from grn.data.datasets.root import cache_folder, data_roots
from grn.data.datasets.unpack import find_unpacked, scratch_folder, unpack
from grn.errors import InputError

logger = logging.getLogger(__name__)

SPECIES: tuple[Literal["human", "mouse"], ...] = ("human", "mouse")
# Words that people write over the column, in lower case; none is the symbol of a TF.
_HEADERS = {"tf", "tfs", "gene", "genes", "gene_name", "gene_symbol", "symbol", "name", "source"}
_HEADERS |= {"regulator", "regulators", "transcription_factor", "transcription_factors"}


def read_tf_list(source: str | Path) -> list[str]:
    """Read TF names, in the order of the file, each once.

    One name per line; of a CSV or TSV the first column. A header such as `TF`, comments (`#`) and
    blank lines are skipped. `human` and `mouse` are BEELINE's lists, unless a file of that name
    exists: `tf_lists/<species>.txt` in the data folder or the cache (`data_roots`), else fetched
    once into the cache.

    Parameters
    ----------
    source
        Path of a text file, `"human"` or `"mouse"`.

    Raises
    ------
    InputError
        No such file, no names in it, or not a text file; a species' list is nowhere and cannot
        be fetched.
    """
    path = Path(source)
    if str(source) in SPECIES and not path.is_file():
        path = _species_list(str(source))
    if not path.exists():
        msg = f"no TF list at {path}. Pass a file with one name per line, or one of human, mouse."
        raise InputError(msg)
    if path.is_dir():
        msg = f"the TF list {path} is a folder; pass a text file with one name per line."
        raise InputError(msg)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"the TF list {path} is not a text file; expected one name per line in UTF-8."
        raise InputError(msg) from error
    if "\0" in text:
        msg = f"the TF list {path} is a binary file; expected text with one name per line."
        raise InputError(msg)
    names = [_first_field(line) for line in text.splitlines()]
    names = [name for name in names if name and not name.startswith("#")]
    if names and names[0].lower().replace(" ", "_") in _HEADERS:
        names = names[1:]
    if not names:
        msg = f"the TF list {path} holds no names; expected one per line."
        raise InputError(msg)
    return list(dict.fromkeys(names))


def _first_field(line: str) -> str:
    """Return the first column of a line of text, CSV or TSV, without quotes and comment."""
    field = line.replace("\t", ",").replace(";", ",").split(",")[0].strip().strip("\"'").strip()
    return field.split(" #")[0].strip()


def _species_list(species: str) -> Path:
    """Return the path of a species' list, fetched where no folder has it, or say how to get it."""
    name = f"tf_lists/{species}.txt"
    roots = data_roots()
    found = next((root / name for root in roots if (root / name).is_file()), None)
    if found is not None:
        return found
    try:
        return fetch_tf_lists() / f"{species}.txt"
    except InputError as error:
        msg = (
            f"the {species} TF list is not at {roots[0] / name}, and fetching it failed: {error} "
            f"Or put a list at {cache_folder() / name}, or pass a file with one name per line."
        )
        raise InputError(msg) from error


def fetch_tf_lists() -> Path:
    """Put BEELINE's TF lists into the cache, from its networks on Zenodo; return their folder.

    Raises
    ------
    InputError
        The record cannot be had, is damaged, or has no such lists.
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
