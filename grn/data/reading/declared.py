"""Compares what arrays of a file declare with what the file holds, before memory is taken."""

import math
from pathlib import Path
from typing import Any

from grn.errors import InputError

# deflate, the usual compression, shortens zeros 1032 times and nothing more; matrices of cells,
# whose numbers differ, some tens of times.
MOST_EXPANDED = 1100
_ALWAYS = 2**26  # bytes that are read whatever the file holds
_BYTES_OF_A_FLOAT32 = 4  # as which every matrix is read


def check_declared(path: Path, *elements: Any) -> None:
    """Raise where arrays declare far more bytes than the file holds for them.

    A few bytes of HDF5 or zarr can declare an array of any size, whose values nobody has written;
    reading it would fill the memory.

    Parameters
    ----------
    path
        The file, for the message.
    elements
        Arrays and groups of h5py or zarr that are to be read.

    Raises
    ------
    InputError
        They declare more than 64 MB and more than 1100 times of what is stored, or values that
        lie in another file or are pickled.
    """
    arrays = [array for element in elements for array in _arrays(element)]
    _check_places(path, arrays)
    declared = sum(map(_declared, arrays))
    if declared <= _ALWAYS:
        return
    stored = sum(map(_stored, arrays))
    if declared > _ALWAYS + MOST_EXPANDED * stored:
        msg = (
            f"{path} is not safe to read: its arrays declare {declared / 1e6:,.0f} MB, of which "
            f"it holds {stored / 1e6:,.3f} MB. It is damaged or was made to fill the memory; get "
            "it from its source again."
        )
        raise InputError(msg)


def check_places(path: Path, *elements: Any) -> None:
    """Raise where values lie in another file, or would be unpickled; `elements` as above.

    An external HDF5 array may hold any file of the reader's machine; a pickle may run any code.
    """
    _check_places(path, [array for element in elements for array in _arrays(element)])


def _check_places(path: Path, arrays: list[Any]) -> None:
    for array in arrays:
        if getattr(array, "external", None) or getattr(array, "is_virtual", False):
            msg = (
                f"{path}: the values of {array.name} lie in another file. Expected all of them in "
                "this one: copy it with h5repack, or write it again."
            )
            raise InputError(msg)
        if _is_pickled(array):
            msg = (
                f"{path}: the values of {array.name} are pickled, and reading them would run code "
                "of the file. Do not use it; get it from its source again, in another form."
            )
            raise InputError(msg)


def names_in(group: Any) -> list[str]:
    """Return the names in a group of a file, which may be damaged and claim any number of them.

    Raises
    ------
    ValueError
        It is an array, whose values would be taken for names one by one.
    """
    if not hasattr(group, "keys"):
        msg = f"{group.name} is an array where a group belongs"
        raise ValueError(msg)
    return list(iter(group))  # without `iter`, list() takes memory for as many as are claimed


def _arrays(element: Any) -> list[Any]:
    """Return the arrays in an element; links of a group to groups above it are not followed."""
    if not hasattr(element, "keys"):
        return [element]
    if hasattr(element, "visititems"):  # h5py visits every object once
        found: list[Any] = []
        element.visititems(lambda _, node: found.append(node))
    else:
        found = [node for _, node in element.members(max_depth=None)]
    return [node for node in found if not hasattr(node, "keys") and hasattr(node, "shape")]


def _declared(array: Any) -> int:
    """Return the bytes that an array takes in memory, or one of its chunks where that is more."""
    size = max(int(array.dtype.itemsize), _BYTES_OF_A_FLOAT32)
    shapes = [array.shape or (), getattr(array, "chunks", None) or ()]
    return size * max(math.prod(map(int, shape)) for shape in shapes)


def _stored(array: Any) -> int:
    """Return the bytes that the file holds of an array, compressed as they are."""
    if hasattr(array, "id"):
        return int(array.id.get_storage_size())
    return int(array.nbytes_stored())


def _is_pickled(array: Any) -> bool:
    """Return whether an array of zarr asks for unpickling, which runs whatever code it holds."""
    metadata = getattr(array, "metadata", None)
    codecs = [*(getattr(metadata, "filters", None) or ()), getattr(metadata, "compressor", None)]
    return any(getattr(codec, "codec_id", None) == "pickle" for codec in codecs)
