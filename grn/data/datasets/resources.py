"""Fetches and finds known edges and TF lists of others, which the package does not ship."""

import hashlib
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grn.data.datasets.catalogue import Fetchable, Resource, ResourceFile, read_resources
from grn.data.datasets.fetch import by_hand, fetch_from_record, fetch_unstated
from grn.data.datasets.root import cache_folder, data_roots
from grn.data.datasets.unpack import scratch_folder
from grn.edges.read import read_truth
from grn.errors import InputError
from grn.files import replacing
from grn.text import open_text

logger = logging.getLogger(__name__)

_DIGEST = ".sha256"  # ending of the file beside a fetched one, as `sha256sum` writes it
_FEW = 3  # an answer of fewer names is no list of TFs
_SYMBOL = "SYMBOL"  # column of QuickGO's tables


@dataclass(frozen=True)
class Fetched:
    """A file of a resource on this machine."""

    species: str
    path: Path
    size: int
    """Bytes."""
    sha256: str
    content: str
    """What is in it, in a few words."""


def fetch_resource(resource: Resource) -> Iterator[Fetched]:
    """Bring the files of a resource to the cache, and yield each as it is there.

    A file that is there is not fetched again. What came is read before it is kept; its SHA-256
    digest is written beside it.

    Parameters
    ----------
    resource
        Of `read_resources`.

    Raises
    ------
    InputError
        A file cannot be downloaded or is not what is expected; the message says how to do without
        the download.
    """
    for species, file in resource.files.items():
        path = cache_folder() / resource.kind / file.name
        if not path.is_file():
            try:
                _fetch(resource, file, path)
            except InputError as error:
                if file.record is not None:
                    raise  # says so already
                msg = f"{error} {by_hand(file.name, resource.page, path)}"
                raise InputError(msg) from error
        content = _look_at(resource, path)
        yield Fetched(species, path, path.stat().st_size, sha256_of(path), content)


def find_prior(name: str, species: str | None) -> tuple[Path, str]:
    """Return the file of a known network, and of which species it is.

    Parameters
    ----------
    name
        A resource of known edges, such as `collectri`.
    species
        Of the cells; where there is no file for it, the human one is returned.

    Raises
    ------
    InputError
        The file was not fetched.
    """
    files = read_resources()[name].files
    chosen = species if species is not None and species in files else "human"
    relative = Path("priors") / files[chosen].name
    roots = data_roots()
    path = next((root / relative for root in roots if (root / relative).is_file()), None)
    if path is None:
        msg = (
            f"the known edges {name!r} ({chosen}) are not on this machine: neither "
            f"{' nor '.join(str(root / relative) for root in roots)} is there. Fetch them once "
            f"with: grn data fetch {name}. Or give the file of a table of edges."
        )
        raise InputError(msg)
    _check_digest(path)
    return path, chosen


def prior_names() -> list[str]:
    """Return the names of the known networks that can be fetched."""
    return [name for name, found in read_resources().items() if found.kind == "priors"]


def tf_list_names() -> dict[str, str]:
    """Return the species with a fetchable TF list, each with the name of its resource."""
    return {
        species: name
        for name, found in read_resources().items()
        if found.kind == "tf_lists"
        for species in found.files
    }


def sha256_of(path: Path) -> str:
    """Return the SHA-256 digest of a file in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fetch(resource: Resource, file: ResourceFile, path: Path) -> None:
    """Download a file, look at it, and put it in place with its digest."""
    with scratch_folder(path.parent) as scratch:
        whole = scratch / file.name
        if file.record is not None and file.member is not None:
            record = Fetchable(
                resource.name, resource.what, file.record, resource.page, (file.member,)
            )
            shutil.copyfile(fetch_from_record(record, file.member), whole)
        elif file.url is not None:
            fetch_unstated(file.url, whole)
        if resource.kind == "tf_lists":
            _keep_symbols(whole)
        _look_at(resource, whole)
        digest = sha256_of(whole)
        with replacing(path.with_name(path.name + _DIGEST)) as temporary:
            temporary.write_text(f"{digest}  {path.name}\n", encoding="utf-8")
        whole.replace(path)


def _keep_symbols(path: Path) -> None:
    """Replace QuickGO's table of annotations by its gene symbols, one per line."""
    with open_text(path) as stream:
        lines = stream.read().splitlines()
    header = lines[0].split("\t") if lines else []
    if _SYMBOL not in header:
        msg = f"the answer is no table of annotations with a column {_SYMBOL}."
        raise InputError(msg)
    at = header.index(_SYMBOL)
    rows = [line.split("\t") for line in lines[1:]]
    symbols = sorted({row[at] for row in rows if at < len(row) and row[at]})
    path.write_text("\n".join(symbols) + "\n", encoding="utf-8")


def _look_at(resource: Resource, path: Path) -> str:
    """Read a file and say what is in it, or raise `InputError` where it is something else."""
    if resource.kind == "tf_lists":
        n_names = len(path.read_text(encoding="utf-8").split())
        if n_names < _FEW:
            msg = f"{path.name}: {n_names} genes; expected hundreds of TFs."
            raise InputError(msg)
        return f"{n_names:,} TFs"
    try:
        edges = read_truth(path)
    except InputError as error:
        msg = f"what came as {path.name} is no table of edges: {error}"
        raise InputError(msg) from error
    content = f"{len(edges):,} edges of {edges['source'].nunique():,} TFs"
    if "sign" not in edges:
        return content
    plus, minus, unknown = (int((edges["sign"] == sign).sum()) for sign in (1, -1, 0))
    return f"{content}: {plus:,} activate, {minus:,} repress, {unknown:,} without a sign"


def _check_digest(path: Path) -> None:
    """Warn where a file is no longer the one that was fetched."""
    beside = path.with_name(path.name + _DIGEST)
    if beside.is_file() and beside.read_text(encoding="utf-8").split()[:1] != [sha256_of(path)]:
        logger.warning(
            "%s is not the file that was fetched: its sha256 is another than that in %s. Remove "
            "both to fetch it again.",
            *(path, beside),
        )
