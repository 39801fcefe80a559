"""Downloads files of public records, resumes them, and verifies their checksums."""

import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from grn.data.datasets.root import cache_folder
from grn.errors import InputError

if TYPE_CHECKING:
    from grn.data.datasets.catalogue import Fetchable

logger = logging.getLogger(__name__)

_TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two packets
_ATTEMPTS = 3
_PAUSE = 1.0  # seconds before trying again
_BLOCK = 1 << 14  # bytes; a dropped connection loses less than this
_LARGEST = 10**9  # bytes of a file whose size nobody states; those that are fetched have a few MB


class RemoteFile(NamedTuple):
    """A file as described by its record."""

    url: str
    checksum: str
    """Algorithm and digest, such as `md5:…`."""
    size: int
    """Bytes."""


def fetch_from_record(record: "Fetchable", name: str) -> Path:
    """Return one file of a record, after downloading it to the cache unless it is there.

    If the record cannot be reached, a file of that name that was copied to the cache by hand is
    used without verification, with a warning.

    Parameters
    ----------
    record
        Record of the manifest.
    name
        Name of one of its files.

    Raises
    ------
    InputError
        The file cannot be downloaded; the message says from where to get it and where to put it.
    """
    path = cache_folder() / "downloads" / name
    try:
        files = record_files(record.api)
    except InputError as error:
        if path.is_file():
            logger.warning("%s Using %s without verifying its checksum.", error, path)
            return path
        msg = f"{error} {by_hand(name, record.page, path)}"
        raise InputError(msg) from error
    if name not in files:
        msg = f"{record.page} lists no {name}; it has {', '.join(files) or 'no files'}."
        raise InputError(msg)
    try:
        return fetch_file(files[name], path)
    except InputError as error:
        msg = f"{error} {by_hand(name, record.page, path)}"
        raise InputError(msg) from error


def record_files(api: str) -> dict[str, RemoteFile]:
    """Return the files of a Zenodo record by name, from the record itself.

    Parameters
    ----------
    api
        Address of the record's JSON, such as `https://zenodo.org/api/records/3701939`.

    Raises
    ------
    InputError
        The record cannot be reached, or its answer is of another form.
    """
    import requests

    try:
        answer = requests.get(api, timeout=_TIMEOUT)
        answer.raise_for_status()
        return {
            file["key"]: RemoteFile(file["links"]["self"], file["checksum"], int(file["size"]))
            for file in answer.json()["files"]
        }
    except (KeyError, TypeError, ValueError) as error:
        # A ValueError of requests is that the answer is no JSON.
        msg = f"{api} answered in a form that is not known; expected Zenodo's list of files."
        raise InputError(msg) from error
    except requests.RequestException as error:
        raise InputError(_unreachable(api, error)) from error


def fetch_file(remote: RemoteFile, path: Path) -> Path:
    """Download a file unless it is there with the right checksum.

    An interrupted download continues where it stopped, also in a later call. The file appears at
    `path` once it is complete and verified.

    Parameters
    ----------
    remote
        Address, checksum and size.
    path
        Where the file goes; the folder is made.

    Raises
    ------
    InputError
        The address cannot be reached, the file has another size or checksum (it is removed then),
        or the folder cannot be written to.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)  # what it says is said here, once
    partial = path.with_name(f".{path.name}.part")

    def downloader(url: str, output_file: str, _pooch: Any) -> None:
        _download(url, partial, remote.size, path.name)
        partial.replace(output_file)

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pooch.retrieve(remote.url, remote.checksum, path.name, path.parent, downloader=downloader)
    except requests.RequestException as error:
        raise InputError(_unreachable(remote.url, error)) from error
    except ValueError as error:
        msg = (
            f"{remote.url} did not send the file that its record states: {error}. What came was "
            "removed; try again later."
        )
        raise InputError(msg) from error
    except OSError as error:
        msg = f"{path}: cannot be written ({error}). Make room or set XDG_CACHE_HOME to a folder."
        raise InputError(msg) from error
    return path


def fetch_unstated(url: str, path: Path) -> Path:
    """Download what an address answers with, whose size and checksum nobody states.

    Tables are asked for as text: services that have them in several forms choose by that. What
    came is not verified; the caller has to look at it.

    Parameters
    ----------
    url
        Address.
    path
        Where the file goes, once it is complete; the folder is made.

    Raises
    ------
    InputError
        The address cannot be reached or answers with an error or with too much, or the folder
        cannot be written to.
    """
    import requests

    partial = path.with_name(f".{path.name}.part")
    headers = {"Accept": "text/tsv, text/csv;q=0.9, */*;q=0.1"}
    logger.info("downloading %s from %s", path.name, url)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with requests.get(url, headers=headers, timeout=_TIMEOUT, stream=True) as answer:
            answer.raise_for_status()
            with partial.open("wb") as file:
                for block in answer.iter_content(_BLOCK):
                    if file.tell() > _LARGEST:
                        msg = f"{url} sends more than {_LARGEST / 1e6:,.0f} MB. Nothing was kept."
                        raise InputError(msg)
                    file.write(block)
        return partial.replace(path)
    except requests.RequestException as error:
        raise InputError(_unreachable(url, error)) from error
    except OSError as error:
        msg = f"{path}: cannot be written ({error}). Make room or set XDG_CACHE_HOME to a folder."
        raise InputError(msg) from error
    finally:
        partial.unlink(missing_ok=True)


def _download(url: str, partial: Path, size: int, name: str) -> None:
    """Download until `partial` has `size` bytes, and reconnect after a dropped connection."""
    import requests
    from requests.exceptions import ChunkedEncodingError

    logger.info("downloading %s (%.1f MB) from %s", name, size / 1e6, url)
    for left in reversed(range(_ATTEMPTS)):
        try:
            _receive(url, partial, size, name)
            return
        except (requests.ConnectionError, requests.Timeout, ChunkedEncodingError):
            # Without a connection to begin with, trying again only delays the message.
            if not left or not _size(partial):
                raise
            logger.info("connection lost after %d of %d bytes; reconnecting", _size(partial), size)
            time.sleep(_PAUSE)


def _receive(url: str, partial: Path, size: int, name: str) -> None:
    """Download the rest of `partial` in one request."""
    import requests
    from rich.console import Console
    from rich.progress import Progress

    have = _size(partial)
    if have == size:
        return
    headers = {"Accept-Encoding": "identity"}  # ranges count the bytes of the file itself
    if 0 < have < size:
        headers["Range"] = f"bytes={have}-"
    with requests.get(url, headers=headers, timeout=_TIMEOUT, stream=True) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            partial.unlink()  # of another file than the server's
        answer.raise_for_status()
        goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if goes_on else 0
        bar = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty())
        with partial.open("ab" if goes_on else "wb") as file, bar:
            task = bar.add_task(name, total=size, completed=have)
            for block in answer.iter_content(_BLOCK):
                have += file.write(block)
                bar.update(task, completed=have)
                if have > size:
                    break
    if have > size:
        partial.unlink()
        msg = f"more than the {size} bytes expected"
        raise ValueError(msg)
    if have < size:
        raise requests.ConnectionError


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _unreachable(url: str, error: Exception) -> str:
    return f"cannot fetch {url}: {_reason(error)}."


def _reason(error: Exception) -> str:
    """Describe an error of the connection in a few words."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    kind = type(error).__name__
    return f"no connection, or it was lost ({kind}; offline, or a proxy or firewall in between?)"


def by_hand(name: str, page: str, path: Path) -> str:
    """Say how to do without the download."""
    return f"Or download {name} from {page} in another way and put it at {path}."
