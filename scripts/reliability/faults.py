"""Faults: commands are killed, disks fill up, folders cannot be written to, files are cut off.

A try survives if no file under its final name is half written, no process is left behind, the
same command given again goes on, and its result is that of an undisturbed command, bit for bit.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from faults_places import places
from faults_stages import Inputs, Stage, stages, training, write_inputs
from faults_whole import broken, differences
from row import Row
from victims import Ended, Victims

_KILLS, _KILLS_IN_SHORT = 20, 2


def rows(*, short: bool) -> Iterator[Row]:
    """Yield a row for every kind of fault.

    Parameters
    ----------
    short
        Whether only some commands are killed, and each twice.
    """
    n_kills = _KILLS_IN_SHORT if short else _KILLS
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, Victims() as victims:
        work = Path(folder)
        inputs = write_inputs(work / "in")
        finished = work / "finished"
        _done(victims.run(training(inputs, finished)))
        commands = stages(inputs, finished)
        exports = [stage for stage in commands if stage.name.startswith("export")]
        for number, stage in enumerate(commands):
            left_out = short and stage.name.startswith(("read", "benchmark", "training: train"))
            if stage not in exports and not left_out:
                killing = _Killing(victims, [stage], inputs, work / str(number))
                yield killing.row(n_kills, seed=number)
        yield _Killing(victims, exports, inputs, work / "exports").row(n_kills, seed=99)
        yield from places(victims, inputs, work, finished, short=short)


class _Killing:
    """Kills commands again and again, and lets the same command go on each time."""

    def __init__(
        self, victims: Victims, commands: list[Stage], inputs: Inputs, work: Path
    ) -> None:
        self._victims, self._stages, self._work = victims, commands, work
        self._environment = {"GRN_DATA": str(inputs.library)}
        self._problems: list[str] = []

    def row(self, n_kills: int, seed: int) -> Row:
        """Kill at random moments, and compare every result with that of an undisturbed command."""
        rng = np.random.default_rng(seed)
        undisturbed = [self._run(stage, "reference", None) for stage in self._stages]
        for ended in undisturbed:
            _done(ended)
        n_killed = survived = n_results = 0
        number = 0
        while n_killed < n_kills:
            at = number % len(self._stages)
            stage, number = self._stages[at], number + 1
            ended = self._run(stage, "killed", float(rng.uniform(0, undisturbed[at].seconds)))
            if ended.killed:
                n_killed += 1
                survived += self._left_in_order(stage, ended)
            else:
                n_results += self._same(stage, ended)
        for stage in self._stages:
            folder = self._work / "killed" / _plain(stage.name)
            if folder.exists() or not n_results:
                n_results += self._same(stage, self._run(stage, "killed", None))
        if self._problems:
            survived = min(survived, n_killed - 1)
        names = self._stages[0].name if len(self._stages) == 1 else "export: six formats"
        said = "; ".join(dict.fromkeys(self._problems)) or f"{n_results} results, all identical"
        return Row(f"kill -9 in {names}", n_killed, survived, said)

    def _run(self, stage: Stage, where: str, after: float | None) -> Ended:
        folder = self._work / where / _plain(stage.name)
        folder.parent.mkdir(parents=True, exist_ok=True)
        return self._victims.run(
            stage.arguments(folder), after=after, environment=self._environment
        )

    def _left_in_order(self, stage: Stage, ended: Ended) -> bool:
        name = _plain(stage.name)
        halves = broken(self._work / "killed" / name, self._work / "reference" / name)
        self._problems += [f"half written: {half}" for half in halves]
        self._problems += ["a process was left"] * ended.orphans
        return not halves and not ended.orphans

    def _same(self, stage: Stage, ended: Ended) -> int:
        """Compare a result and discard it; return 1.

        A command that was killed after its last file had its name is refused the second time.
        """
        name = _plain(stage.name)
        folder, reference = (self._work / where / name for where in ("killed", "reference"))
        if ended.code and "already holds a result" not in ended.said:
            self._problems.append(f"exit code {ended.code}: {ended.said[-300:]}")
        else:
            found = differences(folder, reference, stage.files, killed=True)
            self._problems += [f"differs: {one}" for one in found]
        shutil.rmtree(folder, ignore_errors=True)
        return 1


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


def _done(ended: Ended) -> None:
    if ended.code:
        msg = f"an undisturbed command ended with {ended.code}:\n{ended.said}"
        raise RuntimeError(msg)
