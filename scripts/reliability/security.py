"""Hostile names, archives, pickles and files that point elsewhere; and secrets, searched for.

Each row counts inputs that could let something in or out, and those after which nothing was: no
code run, no file outside its folder, no name that is more than text, no secret left behind.
"""

import base64
import io
import json
import os
import pickle
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import security_names
from row import Row

_SECRETS = {
    "WANDB_API_KEY": "5ec4e70f5ec4e70f5ec4e70f5ec4e70f5ec4e70f",
    "HTTPS_PROXY": "http://user:hunter2pass@127.0.0.1:9",
    "AWS_SECRET_ACCESS_KEY": "PLANTEDawsSECRETplantedAWSsecretPLANTED1",
}
_GRN = "from grn.cli import main; raise SystemExit(main())"
_ARCHIVE_NAMES = (
    *("../out", "a/../../out", "/out", "C:\\out", "..\\out", "a\\..\\..\\out", "//host/out"),
    *("a/../b/../../out", "..", "./../out", "\\out", "c:out"),
)


def rows(*, short: bool) -> Iterator[Row]:
    """Yield one row per way in or out; `short` leaves the training with wandb out."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        yield _counted("pickles and checkpoints that run code", _pickles(place / "pickles"))
        yield _counted("archives that lead out of their folder", _archives(place / "archives"))
        yield _counted("h5 and zarr that point elsewhere", _elsewhere(place / "elsewhere"))
        yield _counted("hostile names × kinds of file", security_names.tried(place / "names"))
        searched = _secrets(place / "run", short=short)
        yield _counted("secrets of the environment × files that a run leaves", searched)


def _counted(what: str, tried: Iterator[tuple[str, bool]]) -> Row:
    """Count what was tried; what failed is named on the standard error."""
    outcomes = dict(tried)
    for name, well in outcomes.items():
        if not well:
            print(f"FAILED {what}: {name}", file=sys.stderr)
    return Row(what, len(outcomes), sum(outcomes.values()))


def refused(call: Callable[[], object]) -> bool:
    """Return whether a call ends with our own error."""
    from grn.errors import InputError

    try:
        call()
    except InputError:
        return True
    return False


class Executed:
    """An object whose pickle touches a file when it is read."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self._file}",)


def _pickles(folder: Path) -> Iterator[tuple[str, bool]]:
    """Read pickles that run code, and sound checkpoints whose settings name code."""
    import torch

    import grn
    from grn.model.pretrained import read_pretrained
    from grn.training.fit import step_of

    folder.mkdir()
    mark = folder / "executed"
    adata = grn.simulate(n_tfs=4, n_targets=8, n_cells=40)
    model = grn.SphericalGRN(adata, ["TF01", "TF02", "TF03", "TF04"])
    model.save(folder / "sound.ckpt")
    sound = torch.load(folder / "sound.ckpt", weights_only=True)
    command = {"_target_": "os.system", "command": f"touch {mark}"}
    contents: dict[str, Any] = {
        "pickle": Executed(mark),
        "pickle in a checkpoint": {**sound, "cells": Executed(mark)},
        "pickle in the parameters": {**sound, "state_dict": {"predictor.gain": Executed(mark)}},
    }
    for key in ("logger", "split", "preprocess", "optimizer", "callbacks", "experiment"):
        contents[f"settings.{key}"] = {**sound, "settings": {**sound["settings"], key: command}}
    predictor = sound["settings"]["model"]["predictor"]
    for name, changed in (
        ("predictor", {**predictor, "_target_": "os.system"}),
        ("argument", {**predictor, "n_axes": command}),
        ("_args_", {**predictor, "_args_": [f"touch {mark}"]}),
        ("environment", {**predictor, "n_axes": "${oc.env:WANDB_API_KEY}"}),
    ):
        model_settings = {**sound["settings"]["model"], "predictor": changed}
        settings = {**sound["settings"], "model": model_settings}
        contents[f"settings.model.{name}"] = {**sound, "settings": settings}
    readers: dict[str, Callable[[Path], object]] = {
        "load": lambda path: grn.SphericalGRN.load(path, adata),
        "read_pretrained": read_pretrained,
    }
    for name, content in contents.items():
        path = folder / "hostile.ckpt"
        for zipped in (True, False):
            torch.save(content, path, _use_new_zipfile_serialization=zipped)
            for reader, read in readers.items():
                ended = refused(lambda read=read, path=path: read(path))  # type: ignore[misc]
                yield f"{name} {zipped} {reader}", ended and not mark.exists()
    path.write_bytes(pickle.dumps(Executed(mark)))
    for reader, read in {**readers, "step_of": step_of}.items():
        try:
            read(path)
        except Exception:  # noqa: BLE001 - of whatever kind: nothing may have been run
            yield f"bare pickle {reader}", not mark.exists()


def _archives(folder: Path) -> Iterator[tuple[str, bool]]:
    """Unpack archives with names, links and sizes that are not safe."""
    from grn.data.datasets.unpack import unpack

    def unsafe(name: str, data: bytes, mode: int = 0) -> bool:
        place = folder / str(len(list(folder.iterdir())))
        place.mkdir()
        with zipfile.ZipFile(place / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            member = zipfile.ZipInfo(name)
            member.external_attr, member.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(member, data)
        ended = refused(lambda: unpack(place / "x.zip", place / "inner" / "goal", lambda _: True))
        left = {path.name for path in place.rglob("*") if path.is_file()}
        return ended and left == {"x.zip"}

    folder.mkdir()
    for name in _ARCHIVE_NAMES:
        yield name, unsafe(name, b"x") and not Path("/out").exists()
    yield "link", unsafe("link", b"/etc/passwd", 0o120777)
    yield "bomb", unsafe("bomb", bytes(10**7))


def _elsewhere(folder: Path) -> Iterator[tuple[str, bool]]:
    """Read matrices whose values lie in other files, or would be unpickled."""
    import h5py
    import numpy as np

    import grn

    folder.mkdir()
    secret = folder / "secret"
    secret.write_bytes(bytes(range(256)) * 4)
    adata = grn.simulate(n_tfs=4, n_targets=8, n_cells=40)
    shape = adata.shape
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "X", shape)

    def external(file: Any, name: str) -> None:
        file.create_dataset(name, shape, "u1", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])

    def virtual(file: Any, name: str) -> None:
        file.create_virtual_dataset(name, layout)

    for kind, put in (("external", external), ("virtual", virtual)):
        path = folder / f"{kind}.h5ad"
        adata.write_h5ad(path)
        with h5py.File(path, "r+") as file:
            attributes = dict(file["X"].attrs)
            del file["X"]
            put(file, "X")
            file["X"].attrs.update(attributes)
        for on_disk in (False, True):
            yield (
                f"{kind} {on_disk}",
                refused(
                    lambda path=path, on_disk=on_disk: grn.read_cells(path, on_disk=on_disk)  # type: ignore[misc]
                ),
            )
    store = folder / "pickled.zarr"
    adata.write_zarr(store)
    (store / ".zmetadata").unlink(missing_ok=True)
    for name in ("X", "obs/_index"):
        described = store / name / ".zarray"
        if described.exists():
            changed = {**json.loads(described.read_text()), "compressor": {"id": "pickle"}}
            before = described.read_text()
            described.write_text(json.dumps(changed))
            mark = folder / "executed"
            for chunk in described.parent.glob("[0-9]*"):
                chunk.write_bytes(pickle.dumps(Executed(mark)))
            ended = refused(lambda: grn.read_cells(store))
            yield f"zarr {name} pickled", ended and not mark.exists()
            described.write_text(before)
    np.save(folder / "objects.npy", np.array([Executed(folder / "executed")], dtype=object))
    yield "npy", refused(lambda: grn.read_cells(folder / "objects.npy"))


def _secrets(folder: Path, *, short: bool) -> Iterator[tuple[str, bool]]:
    """Run with secrets in the environment, and search all that is left for them."""
    folder.mkdir()
    home = folder / "home"
    home.mkdir()
    settings = ["data=demo", "trainer.max_steps=25", f"hydra.run.dir={folder / 'result'}"]
    commands = [["train", *settings, "logger=wandb"]]
    if not short:
        commands.append(["infer", "missing.h5ad", "--debug"])
        commands.append(["train", *settings, "overwrite=true", "logger=csv", "optimizer.lr=oops"])
    environment = {key: value for key, value in os.environ.items() if not key.startswith("WANDB")}
    environment |= {**_SECRETS, "HOME": str(home), "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}
    for number, command in enumerate(commands):
        done = subprocess.run(
            [sys.executable, "-c", _GRN, *command],
            cwd=folder,
            env=environment,
            capture_output=True,
            check=False,
        )
        (folder / f"said-{number}").write_bytes(done.stdout + done.stderr)
        if command[-1] == "logger=wandb" and done.returncode != 0:
            sys.exit(f"the run itself failed:\n{done.stderr.decode()[-3000:]}")
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        content = path.read_bytes()
        if path.suffix == ".gz" or zipfile.is_zipfile(io.BytesIO(content)):
            content += _unpacked(content)
        for name, secret in _SECRETS.items():
            word = secret.partition("user:")[2].partition("@")[0] or secret
            plain = word.encode()
            forms = (plain, base64.b64encode(plain)[:-4], plain.hex().encode())
            there = any(form in content for form in forms)
            yield f"{name} in {path.relative_to(folder)}", not there


def _unpacked(content: bytes) -> bytes:
    import gzip

    if content[:2] == b"\x1f\x8b":
        return gzip.decompress(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())
