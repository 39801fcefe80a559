"""Read the list of transcription factors that may regulate, from a file or by species."""

from pathlib import Path
from typing import Literal

from grn.data.root import DATA_VARIABLE, find_data_root
from grn.errors import InputError

SPECIES: tuple[Literal["human", "mouse"], ...] = ("human", "mouse")
# Words that people write over the column, in lower case; none is the symbol of a TF.
_HEADERS = {"tf", "tfs", "gene", "genes", "gene_name", "gene_symbol", "symbol", "name", "source"}
_HEADERS |= {"regulator", "regulators", "transcription_factor", "transcription_factors"}


def read_tf_list(source: str | Path) -> list[str]:
    """Read TF names, in the order of the file, each once.

    One name per line; of a CSV or TSV the first column. A header such as `TF`, comments (`#`) and
    blank lines are skipped. `human` and `mouse` are BEELINE's lists, `tf_lists/<species>.txt` in
    the data folder (`find_data_root`), unless a file of that name exists.

    Parameters
    ----------
    source
        Path of a text file, `"human"` or `"mouse"`.

    Raises
    ------
    InputError
        No such file or list, no names in it, or not a text file.
    """
    path = Path(source)
    if str(source) in SPECIES and not path.exists():
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
    """Return the path of a species' list, or say where it belongs."""
    advice = (
        f"Put BEELINE's list of {species} TFs at tf_lists/{species}.txt in a folder that "
        f"{DATA_VARIABLE} names (or in ./data), or pass a file with one name per line."
    )
    try:
        path = find_data_root() / "tf_lists" / f"{species}.txt"
    except InputError as error:
        msg = f"the {species} TF list is not on this machine. {advice}"
        raise InputError(msg) from error
    if not path.exists():
        msg = f"the {species} TF list is not at {path}. {advice}"
        raise InputError(msg)
    return path
