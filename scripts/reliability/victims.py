"""Runs commands of `grn` that are killed: each is forked from a process that has imported all.

So a kill hits the work itself and not the seconds in which Python loads libraries.
"""

import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
# What `grn` asks of MKL and OpenMP before torch is loaded; here torch is loaded before.
_ASKED = {"MKL_CBWR": "AUTO,STRICT", "OMP_WAIT_POLICY": "PASSIVE", "WANDB_MODE": "offline"}
_PATIENCE = 30.0  # seconds in which processes that the command had started have to end
_LONGEST = 600.0  # seconds of a command that is not killed


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    """Its exit code; −9 if it was killed."""
    seconds: float
    orphans: bool
    """Whether a process that it had started went on for half a minute."""
    said: str

    @property
    def killed(self) -> bool:
        """Whether it was killed, and had not ended before."""
        return self.code == -signal.SIGKILL


class Victims:
    """A process from which commands are forked, one at a time."""

    def __enter__(self) -> Self:
        paths = os.pathsep.join(map(str, (ROOT, ROOT / "kernels")))
        asked = {**os.environ, **_ONE_THREAD, **_ASKED, "PYTHONPATH": paths}
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=asked,
        )  # fmt: skip
        self._answer()  # when it is ready
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(_PATIENCE)

    def run(
        self,
        arguments: list[str],
        *,
        after: float | None = None,
        environment: dict[str, str] | None = None,
        largest_file: int | None = None,
    ) -> Ended:
        """Run `grn ARGUMENTS`, and kill it after some seconds unless it has ended.

        Parameters
        ----------
        arguments
            Of the command, with paths that do not depend on the current folder.
        after
            Seconds until it is killed; None: it is not.
        environment
            Variables that are changed.
        largest_file
            Bytes that a file may have (RLIMIT_FSIZE); None: no limit.
        """
        asked = {
            "arguments": arguments,
            "after": after,
            "environment": environment or {},
            "largest_file": largest_file,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Ended(**self._answer())

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            msg = f"the process that forks commands ended with {self._process.wait()}."
            raise RuntimeError(msg)
        return json.loads(line)


def _serve() -> None:
    """Answer requests, one a line, until there are no more."""
    import grn.benchmark.run
    import grn.cli.hydra_job
    import grn.export
    import grn.pretraining.pretrain
    import grn.report.html
    import grn.runs.run  # noqa: F401

    print("{}", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        with tempfile.NamedTemporaryFile("r", errors="replace") as log:
            ended = _watch(_fork(asked, log.name), asked["after"])
            print(json.dumps({**ended, "said": log.read()[-4000:]}), flush=True)


def _fork(asked: dict[str, Any], log: str) -> int:
    process = os.fork()
    if process:
        return process
    os.setsid()  # a group of its own, by which what it starts is found
    for number in (1, 2):
        os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ |= asked["environment"]
    if asked["largest_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["largest_file"],) * 2)
    code: Any = 1
    try:
        from grn.cli import main

        tempfile.tempdir = None  # chosen anew, by the environment of this command
        code = main(asked["arguments"])
    except SystemExit as end:
        code = end.code
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def _watch(process: int, after: float | None) -> dict[str, Any]:
    """Wait for a command, kill it when its time has come, and look for what it left running."""
    started = time.perf_counter()
    deadline = started + (_LONGEST if after is None else after)
    with_handle = os.pidfd_open(process)
    try:
        left = max(0.0, deadline - time.perf_counter())
        if not select.select([with_handle], [], [], left)[0]:
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
    finally:
        os.close(with_handle)
    seconds = time.perf_counter() - started
    return {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        "orphans": not _is_empty(process),
    }


def _is_empty(group: int) -> bool:
    """Wait until no process of a group is left; end them if they do not end."""
    deadline = time.perf_counter() + _PATIENCE
    while time.perf_counter() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    return False


if __name__ == "__main__":
    _serve()
