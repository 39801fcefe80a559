"""The manifest of data sets and resources: description, citation, sizes, and downloads."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

_FETCHABLE, _RESOURCES = "fetchable", "resources"


@dataclass(frozen=True)
class DatasetEntry:
    """One data set of `datasets.yaml`; unknown fields are None."""

    collection: str
    name: str
    source: str
    """Origin of the files."""
    licence: str | None
    citation: str
    organism: str
    cells: int | None
    genes: int | None
    tfs: int | None
    """Length of the TF list; None also if every gene is a candidate."""
    networks: Mapping[str, int | None]
    """Lines of each truth file by the name of its network."""
    study: str | None = None
    """Name that all data sets of one experiment share; None for simulated cells."""


@dataclass(frozen=True)
class Fetchable:
    """A public record that `grn data fetch` downloads."""

    name: str
    what: str
    """One line for the user."""
    api: str
    """Address where the record states its files, sizes and checksums (Zenodo's JSON)."""
    page: str
    """Address of the record for people."""
    files: tuple[str, ...]
    """Files of the record that are needed."""


@dataclass(frozen=True)
class ResourceFile:
    """The file of a resource for one species."""

    name: str
    """Its name in the cache or the data folder."""
    url: str | None = None
    """Plain address, whose size and checksum nobody states."""
    record: str | None = None
    """Or a record that states them (Zenodo's JSON), and which of its files it is."""
    member: str | None = None


@dataclass(frozen=True)
class Resource:
    """Known edges or TF lists of others, by species, that `grn data fetch` downloads."""

    name: str
    kind: Literal["priors", "tf_lists"]
    """What it is, and the folder that it is in."""
    what: str
    """One line for the user."""
    licence: str
    citation: str
    page: str
    """Address for people."""
    files: Mapping[str, ResourceFile]


def read_catalogue() -> list[DatasetEntry]:
    """Return every data set of the manifest, in its order."""
    return [
        DatasetEntry(collection=collection, name=name, **facts)
        for collection, entries in _read_manifest().items()
        if collection not in (_FETCHABLE, _RESOURCES)
        for name, facts in entries.items()
    ]


def study_of(dataset: str) -> str | None:
    """Return the study that measured a data set (`collection/name`).

    None where nothing was measured, and of data sets that the manifest does not know.
    """
    studies = {f"{entry.collection}/{entry.name}": entry.study for entry in read_catalogue()}
    return studies.get(dataset)


def read_fetchables() -> dict[str, Fetchable]:
    """Return what can be fetched, by name."""
    return {
        name: Fetchable(name=name, **{**facts, "files": tuple(facts["files"])})
        for name, facts in _read_manifest()[_FETCHABLE].items()
    }


def read_resources() -> dict[str, Resource]:
    """Return the known edges and TF lists of others that can be fetched, by name."""
    resources = {}
    for name, facts in _read_manifest()[_RESOURCES].items():
        files = {species: ResourceFile(**file) for species, file in facts["files"].items()}
        resources[name] = Resource(name=name, **{**facts, "files": files})
    return resources


def differences(
    entry: DatasetEntry, cells: int, genes: int, networks: Mapping[str, int]
) -> list[str]:
    """List differences between a data set that was read and the manifest.

    Parameters
    ----------
    entry
        Expected values; unknown ones are not compared.
    cells, genes
        Shape of the matrix that was read.
    networks
        Lines of each truth file that was read.

    Returns
    -------
    One sentence per difference, with both numbers.
    """
    pairs = [("cells", entry.cells, cells), ("genes", entry.genes, genes)]
    pairs += [(f"edges of {name}", entry.networks.get(name), n) for name, n in networks.items()]
    return [
        f"{entry.collection}/{entry.name}: {got} {what}, but the manifest expects {expected}"
        for what, expected, got in pairs
        if expected is not None and expected != got
    ]


def manifest_path() -> Path:
    """Return datasets.yaml: inside the installed package, or in data/ of a checkout."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "datasets.yaml"
    return inside if inside.exists() else package.parent / "data" / "datasets.yaml"


def _read_manifest() -> dict[str, Any]:
    return _parse(manifest_path())


@cache
def _parse(path: Path) -> dict[str, Any]:
    import yaml

    manifest: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return manifest
