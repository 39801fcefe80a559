"""Unpacks archives safely: within their folder, completely or not at all, up to a limit."""

import re
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from grn.errors import InputError

# BEELINE's record, a few hundred MB of CSV, stays far below both.
LARGEST = 50 * 10**9  # bytes, unpacked
LARGEST_RATIO = 200  # unpacked over packed; text of numbers reaches some tens
_DRIVE = re.compile(r"[A-Za-z]:")


def unpack(archive: Path, folder: Path, wanted: Callable[[str], bool]) -> None:
    """Unpack members of a zip file into a new folder, whole or not at all.

    Parameters
    ----------
    archive
        Zip file. Every member is checked before the first is written.
    folder
        Must not exist; its parents are made.
    wanted
        Function of the name that says whether a member is unpacked.

    Raises
    ------
    InputError
        The archive is truncated or corrupt; a member is a link or its name leads out of the
        folder; it would unpack to more than `LARGEST` bytes or `LARGEST_RATIO` times its size;
        the folder cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = zipped.infolist()
            for member in members:
                _refuse_escape(member, archive)
            _refuse_bomb(members, archive)
            with new_folder(folder) as temporary:
                zipped.extractall(temporary, [m for m in members if wanted(m.filename)])
    # RuntimeError: encrypted; NotImplementedError: a compression that zipfile does not know.
    except (zipfile.BadZipFile, EOFError, zlib.error, RuntimeError) as error:
        msg = (
            f"cannot unpack {archive}: {error}. The file is no zip archive, truncated or corrupt; "
            "remove it and download it again."
        )
        raise InputError(msg) from error


def find_unpacked(folder: Path, ending: str) -> Path:
    """Return the one file below a folder whose path ends so, in upper or lower case.

    Parameters
    ----------
    folder
        Folder of an unpacked archive.
    ending
        Name of the file, with as many of its folders as are needed to identify it.

    Raises
    ------
    InputError
        There is no such file.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.as_posix().lower().endswith(f"/{ending}".lower()):
            return path
    msg = f"the archive of the record has no {ending}; it is not the one that is expected."
    raise InputError(msg)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder, and move it to `folder` once the block has ended well.

    Raises
    ------
    InputError
        The folder exists and is not empty, or cannot be written.
    """
    # Beside its goal: a move within one file system is a rename.
    with scratch_folder(folder.parent) as scratch:
        temporary = scratch / folder.name
        temporary.mkdir()
        yield temporary
        temporary.replace(folder)


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Give a temporary folder below `parent`, which is made, and remove it in the end.

    Raises
    ------
    InputError
        Something cannot be written there.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".scratch.", dir=parent) as temporary:
            yield Path(temporary)
    except OSError as error:
        msg = (
            f"{parent}: cannot be written to ({error}). Make room there, or remove what is there."
        )
        raise InputError(msg) from error


def _refuse_escape(member: zipfile.ZipInfo, archive: Path) -> None:
    name = member.filename
    parts = re.split(r"[\\/]", name)
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    if parts[0] == "" or ".." in parts or _DRIVE.match(name) or is_link:
        problem = "is a link" if is_link else "lies outside the folder it is unpacked into"
        msg = (
            f"{archive} is not safe to unpack: {name!r} {problem}. Nothing was written; do not "
            "use this file, and get it from its publisher."
        )
        raise InputError(msg)


def _refuse_bomb(members: list[zipfile.ZipInfo], archive: Path) -> None:
    # zipfile never writes more of a member than the size listed for it.
    unpacked = sum(member.file_size for member in members)
    most = min(LARGEST, LARGEST_RATIO * archive.stat().st_size)
    if unpacked > most:
        msg = (
            f"{archive} is not safe to unpack: it would grow to {unpacked / 1e6:,.1f} MB, "
            f"expected at most {most / 1e6:,.1f} MB. Nothing was written; get the file from its "
            "publisher."
        )
        raise InputError(msg)
