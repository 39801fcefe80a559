"""Faults that are not a kill: full and read-only disks, broken checkpoints, an unwritable HOME."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from faults_disks import can_mount, disk, fill, grow, size_of
from faults_stages import Inputs, Stage, stages, training
from faults_whole import broken, differences
from row import Row
from victims import Ended, Victims

_REFUSED = 2  # exit code of a problem that the user can fix
_PARTS_OF_A_DISK = (0.1, 0.45, 0.8, 0.97)  # of what the result takes
_PAGE = 4096  # bytes by which a disk in memory grows: what is smaller always fits
_LOST = "the result is another one"


def places(
    victims: Victims, inputs: Inputs, work: Path, finished: Path, *, short: bool
) -> Iterator[Row]:
    """Yield a row for every kind of fault.

    Parameters
    ----------
    victims, inputs
        By which commands are run, and on what.
    work
        Folder for all that is written.
    finished
        Folder of a finished run of `training`.
    short
        Whether only some commands are disturbed.
    """
    trial = _Trial(victims, inputs, work / "places")
    chosen = [stage for stage in stages(inputs, finished) if "train.py" not in stage.name]
    first = chosen[0]
    if short:
        chosen = [stage for stage in chosen if stage.name == "export (cx2)"]
    for stage in {first, *chosen}:
        trial.prepare(stage)
    large = [stage for stage in chosen if trial.size(stage) > _PAGE]
    yield _row(
        "disk too small", [(s, p) for s in large for p in _PARTS_OF_A_DISK], trial.small_disk
    )
    if can_mount() and not short:
        long = [stage for stage in chosen if not stage.name.startswith("export")]
        yield _row("disk filled by others meanwhile", [(s,) for s in long], trial.filled_disk)
    yield _row("read-only folder", [(stage,) for stage in chosen], trial.read_only)
    cuts = [(first, cut) for cut in ((0.3,) if short else (0.0, 0.3, 0.99))]
    yield _row("last.ckpt cut off", cuts, trial.broken_checkpoint)
    yield _row("last.ckpt of another run", [(first, None)], trial.broken_checkpoint)
    foreign = [(finished, cut) for cut in (0.0, 0.5, 0.999, None)]
    yield _row("--checkpoint cut off or foreign", foreign, trial.given_checkpoint)
    yield _row("HOME cannot be written to", [(stage,) for stage in chosen], trial.no_home)
    each = [(stage,) for stage in chosen]
    yield _row("folder of temporary files full", each, trial.no_temporary)


def _row(what: str, tries: list[tuple], attempt: Callable[..., str]) -> Row:  # type: ignore[type-arg]
    """Try all, and say what went wrong."""
    found = [attempt(*one) for one in tries]
    problems = [problem for problem in found if problem]
    how = "" if can_mount() or "disk" not in what else "a largest size of a file, not a disk"
    return Row(what, len(tries), len(tries) - len(problems), "; ".join(problems) or how)


def _fill_after_first_file(folder: Path) -> None:
    while not (folder / "run").is_dir() or not any((folder / "run").iterdir()):
        time.sleep(0.01)
    fill(folder)


class _Trial:
    """Disturbs commands and compares their results; each try returns what went wrong, or ''."""

    def __init__(self, victims: Victims, inputs: Inputs, work: Path) -> None:
        self._victims, self._inputs, self._work = victims, inputs, work
        self._environment = {"GRN_DATA": str(inputs.library)}
        self._number = 0

    def prepare(self, stage: Stage) -> None:
        """Make the undisturbed result of a command."""
        ended = self._run(stage, self._reference(stage))
        if ended.code:
            raise RuntimeError(ended.said)

    def size(self, stage: Stage) -> int:
        """Return the bytes of the undisturbed result."""
        return size_of(self._reference(stage))

    def small_disk(self, stage: Stage, part: float) -> str:
        """Give a part of the room that is needed, and then enough."""
        reference = self._reference(stage)
        n_bytes = max(1, int(part * size_of(reference)) // _PAGE) * _PAGE
        limit = None if can_mount() else int(part * self._largest(reference))
        folder = self._new()
        with disk(folder, f"size={n_bytes}"):
            ended = self._run(stage, folder / "run", largest_file=limit)
            said = self._refused(ended, "full", "MB left", "large", "space")
            said = said or self._in_order(stage, folder / "run")
            grow(folder)
            return said or self._goes_on(stage, folder / "run")

    def filled_disk(self, stage: Stage) -> str:
        """Fill the disk as soon as the command has begun to write, and then make room."""
        folder = self._new()
        with disk(folder, "size=200m"):
            watcher = threading.Thread(target=_fill_after_first_file, args=(folder,))
            watcher.start()
            ended = self._run(stage, folder / "run")
            (folder / "run").mkdir(exist_ok=True)
            (folder / "run/begun").touch()  # if it wrote nothing, the watcher ends here
            watcher.join()
            (folder / "run/begun").unlink()
            said = self._refused(ended, "full", "MB left", "space")
            said = said or self._in_order(stage, folder / "run")
            (folder / "filler").unlink()
            return said or self._goes_on(stage, folder / "run")

    def read_only(self, stage: Stage) -> str:
        """Name a folder that nobody may write to."""
        folder = self._new()
        with disk(folder, "ro"):
            try:
                arguments = stage.arguments(folder / "run")
            except OSError:  # the folder of an export is made by its user
                arguments = stage.arguments(self._new())
                arguments[-1] = str(folder / Path(arguments[-1]).name)
            ended = self._victims.run(arguments, environment=self._environment)
            return self._refused(ended, "write", "written", "create")

    def broken_checkpoint(self, stage: Stage, part: float | None) -> str:
        """Cut the checkpoint of a killed training off, or put another one in its place."""
        folder = self._new() / "run"
        last = folder / "checkpoints/last.ckpt"
        shutil.copytree(self._reference(stage), folder)
        for path in folder.iterdir():  # what a training has left that is killed before its end
            if path.is_file() and path.name != "config.yaml":
                path.unlink()
        config = folder / "config.yaml"
        text = config.read_text().replace(str(self._reference(stage)), str(folder))
        config.write_text(text)
        if part is None:
            torch.save(torch.load(last, weights_only=True) | {"cells": "others"}, last)
        else:
            content = last.read_bytes()
            last.write_bytes(content[: int(part * len(content))])
        return self._goes_on(stage, folder)

    def given_checkpoint(self, finished: Path, part: float | None) -> str:
        """Name a checkpoint that was cut off, or a file of another program."""
        folder = self._new()
        folder.mkdir()
        path = folder / "given.ckpt"
        content = (finished / "checkpoints/best.ckpt").read_bytes()
        if part is None:
            torch.save({"weights": torch.zeros(3)}, path)
        else:
            path.write_bytes(content[: int(part * len(content))])
        more = ["--checkpoint", str(path)]
        arguments = training(self._inputs, folder / "run")
        ended = self._victims.run([*arguments[:2], *more, *arguments[2:]])
        return self._refused(ended, "checkpoint") or self._absent(folder / "run")

    def no_home(self, stage: Stage) -> str:
        """Run without a home that can be written to."""
        home = self._new()
        with disk(home, "ro"):
            return self._goes_on(stage, self._new() / "run", HOME=str(home))

    def no_temporary(self, stage: Stage) -> str:
        """Run with a full folder of temporary files."""
        temporary = self._new()
        with disk(temporary, "size=64k"):
            if can_mount():
                fill(temporary)
            else:
                temporary.chmod(0o555)
            return self._goes_on(stage, self._new() / "run", TMPDIR=str(temporary))

    def _goes_on(self, stage: Stage, folder: Path, **environment: str) -> str:
        """Run the command to its end, and compare."""
        ended = self._run(stage, folder, **environment)
        if ended.code:
            return f"{stage.name}: exit code {ended.code}: {ended.said[-300:]}"
        found = differences(folder, self._reference(stage), stage.files)
        shutil.rmtree(folder)
        return f"{stage.name}: {_LOST} ({', '.join(found)})" if found else ""

    def _in_order(self, stage: Stage, folder: Path) -> str:
        halves = broken(folder, self._reference(stage)) if folder.exists() else []
        return f"{stage.name}: half written: {', '.join(halves)}" if halves else ""

    def _refused(self, ended: Ended, *words: str) -> str:
        """Check that the command was refused in plain words, one of which is expected."""
        lines = ended.said.strip().splitlines() or [""]
        if ended.code != _REFUSED or "Traceback" in ended.said:
            return f"exit code {ended.code}: {ended.said[-300:]}"
        said = ended.said[max(0, ended.said.rfind("grn: ")) :]
        return "" if any(word in said for word in words) else f"it says: {lines[-1][-200:]}"

    def _absent(self, folder: Path) -> str:
        return f"{folder.name} was made" if folder.exists() else ""

    def _run(
        self, stage: Stage, folder: Path, largest_file: int | None = None, **environment: str
    ) -> Ended:
        return self._victims.run(
            stage.arguments(folder),
            environment=self._environment | environment,
            largest_file=largest_file,
        )

    def _largest(self, folder: Path) -> int:
        return max(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    def _reference(self, stage: Stage) -> Path:
        return self._work / "reference" / "".join(c if c.isalnum() else "-" for c in stage.name)

    def _new(self) -> Path:
        self._number += 1
        self._work.mkdir(exist_ok=True)
        return self._work / f"try{self._number}"
