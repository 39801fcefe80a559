"""Changes valid files: bytes, members of zip archives, and nodes of HDF5 files."""

import io
import zipfile
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np

# Where parsers go wrong: separators, quotes, ends of lines, numbers at the limits of types.
TEXT_TOKENS = (
    *(b",", b"\t", b";", b" ", b'"', b"'", b"\n", b"\r", b"\r\n", b"\0", b"#", b"|", b"%", b"$"),
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\x1f\x8b",
        b"\x85",
        b"\xe2\x80\xa8",
        b"\xed\xa0",
    ),
    *(b"nan", b"NA", b"inf", b"-inf", b"1e999", b"-1", b"0", b"1,5", b"0x1F", b"1_000", b"True"),
    *(b"9" * 25, b"9" * 5000, b"1e-400", b"source,target,weight\n", b"label", b"sign", b"TF"),
    *(b"gene", b"cell", b"alias\tname\n", b"__", b"ENSG00000141510.17", b"%%MatrixMarket"),
)
BINARY_TOKENS = (
    *(b"\0" * 8, b"\xff" * 8, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x01"),
    *(b"\x80", b"HDF", b"TREE", b"SNOD", b"HEAP", b"GCOL", b"OHDR", b"PK\x03\x04", b"\x80\x02"),
    *(b"cos\nsystem\n(S'true'\ntR.", b"ctorch\ndevice\n", b"PAR1", b"\0\0\0\x80"),
)
_PLAIN = b'0123456789.,;-+eE\t \nABCabc_"|'
_MOST = 1 << 16  # bytes of an input; larger ones would only take longer
_FEW = 10_000  # values of a node that are read to change one


@dataclass(frozen=True)
class Case:
    """Files of one input: contents by their names, and the one whose path is passed.

    An empty `main` stands for the folder that holds them.
    """

    files: dict[str, bytes]
    main: str = ""


def changed(case: Case, others: list[Case], rng: Random) -> Case:
    """Return a case in which one file differs; sometimes it borrows from another case."""
    name = rng.choice(sorted(case.files))
    data = case.files[name]
    donor = rng.choice(others).files
    other = donor[rng.choice(sorted(donor))]
    if data[:2] == b"PK" and rng.random() < 0.7:
        data = _in_member(data, rng)
    elif data[:4] == b"\x89HDF" and rng.random() < 0.6:
        data = _in_hdf5(data, rng)
    else:
        data = changed_bytes(data, other, rng)
    return replace(case, files={**case.files, name: data})


def changed_bytes(data: bytes, other: bytes, rng: Random) -> bytes:
    """Apply one edit, or a few, to some bytes."""
    tokens = BINARY_TOKENS if _is_binary(data) else TEXT_TOKENS
    for _ in range(min(1 + int(rng.expovariate(1.2)), 8)):
        data = _edited(data, other, tokens, rng)[:_MOST]
    return data


def _is_binary(data: bytes) -> bool:
    return b"\0" in data[:512] or data[:2] in (b"PK", b"\x1f\x8b")


def _edited(data: bytes, other: bytes, tokens: tuple[bytes, ...], rng: Random) -> bytes:
    """Flip, replace, insert, drop, repeat, move, cut or splice at random places."""
    start = rng.randrange(len(data) + 1)
    stop = min(len(data), start + int(rng.expovariate(0.1)) + 1)
    head, span, tail = data[:start], data[start:stop], data[stop:]
    kind = rng.randrange(9)
    if kind == 0 and span:
        flipped = span[0] ^ (1 << rng.randrange(8 if tokens is BINARY_TOKENS else 6))
        return head + bytes([flipped]) + span[1:] + tail
    if kind == 1:
        return head + rng.choice(tokens) + tail
    if kind == 2:
        return head + rng.choice(tokens) + span + tail
    if kind == 3:
        return head + tail
    if kind == 4:
        return head + span * rng.choice((2, 3, 50)) + tail
    if kind == 5:
        place = rng.randrange(len(tail) + 1)
        return head + tail[:place] + span + tail[place:]
    if kind == 6 and rng.random() < 0.3:
        return head
    if kind == 7 and other:
        place = rng.randrange(len(other))
        return head + other[place : place + 4 * len(span)] + tail
    if tokens is TEXT_TOKENS and rng.random() < 0.9:  # others are no UTF-8
        return head + bytes(rng.choices(_PLAIN, k=len(span))) + tail
    return head + rng.randbytes(len(span)) + tail


def _in_member(data: bytes, rng: Random) -> bytes:
    """Change one member of a zip archive; the archive itself stays whole."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(sorted(members))
    members[name] = changed_bytes(members[name], b"", rng)
    if rng.random() < 0.05:
        del members[name]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return target.getvalue()


def _in_hdf5(data: bytes, rng: Random) -> bytes:
    """Delete, replace or retype some nodes and attributes of an HDF5 file."""
    import h5py

    stream = io.BytesIO(data)
    with h5py.File(stream, "r+") as file:
        for _ in range(rng.choice((1, 1, 2, 3))):
            names: list[str] = []
            file.visit(names.append)
            if names:
                _edit_node(file, rng.choice(names), rng)
    return stream.getvalue()


def _edit_node(file: Any, name: str, rng: Random) -> None:
    import h5py

    node = file[name]
    kind = rng.randrange(6)
    if kind == 0:
        del file[name]
    elif kind == 1:
        attributes = list(node.attrs)
        key = rng.choice(attributes) if attributes and rng.random() < 0.8 else "encoding-type"
        if rng.random() < 0.4 and key in attributes:
            del node.attrs[key]
        else:
            node.attrs[key] = hostile_value(rng)
    elif kind == 2:
        del file[name]
        shape = rng.choice([(10**12,), (10**6, 10**6), (0, 5), (11, 10**9), (2**31,)])
        kind_of_number = rng.choice(["f4", "i8", "u1"])
        chunks = tuple(min(side, 64) for side in shape) if all(shape) else None
        file.create_dataset(name, shape, kind_of_number, chunks=chunks)
    elif kind == 3:
        target = rng.choice([f"/{name}", "/", "/nowhere", f"/{name}/below"])
        del file[name]
        file[name] = h5py.SoftLink(target)
    elif kind == 4 and isinstance(node, h5py.Dataset) and 0 < (node.size or 0) < _FEW:
        values = np.array(node[()]).ravel()
        if values.dtype.kind in "iuf":
            values[rng.randrange(len(values))] = rng.choice([0, 1, 127, 5])
            node[...] = values.reshape(node.shape)
    else:
        del file[name]
        file[name] = hostile_value(rng)


def hostile_value(rng: Random) -> Any:
    """Return a value that HDF5 holds and a reader may not expect."""
    return rng.choice(
        [
            *(0, -1, 2**31 - 1, 2**63 - 1, 1.5, float("nan"), float("inf"), True, b"\xff\xfe", ""),
            *("csr_matrix", "csc_matrix", "dataframe", "categorical", "dict", "array", "0.1.0"),
            *("null", "string-array", "awkward-array", "rec-array", "nullable-integer", "_index"),
            *(np.arange(7), np.zeros((3, 0)), np.ones((5, 11), "f4"), np.array([[1, 2], [3, 4]])),
            *(np.array([b"a", b"b\xff"]), np.full(11, -1), np.full(12, 2**40), np.complex64(1j)),
            *(np.zeros(3, [("a", "i4"), ("b", "f8")]), np.datetime64("2020-01-01").astype("i8")),
        ]
    )
