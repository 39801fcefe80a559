import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.helpers import SMALL_PRETRAINING

# As many steps as nobody waits for.
COMMAND = (
    *("pretrain", *SMALL_PRETRAINING, "max_steps=1000000", "logger=csv"),
    *("trainer.devices=2", "trainer.strategy=ddp_fork"),
)
CODE = "import sys; from grn.cli.main import main; sys.exit(main())"


def n_living(group: int) -> int:
    """Count the processes of a group that are not only waiting to be asked how they ended."""
    found = 0
    for process in psutil.process_iter(["pid", "status"]):
        with suppress(ProcessLookupError):
            ended = process.info["status"] == psutil.STATUS_ZOMBIE
            found += os.getpgid(process.info["pid"]) == group and not ended
    return found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")
@pytest.mark.parametrize("to_all", [False, True], ids=["the first", "all"])
def test_processes_that_train_together_end_together(tmp_path: Path, to_all: bool) -> None:
    log = tmp_path / "log"
    with log.open("w") as said:
        started = subprocess.Popen(
            [sys.executable, "-c", CODE, *COMMAND],
            cwd=tmp_path,
            stderr=said,
            stdout=said,
            start_new_session=True,
        )
    group = started.pid
    try:
        limit = time.monotonic() + 120
        while not list(tmp_path.glob("out/**/metrics.csv")) and time.monotonic() < limit:
            assert started.poll() is None, log.read_text()
            time.sleep(0.2)
        (os.killpg if to_all else os.kill)(group, signal.SIGTERM)
        assert started.wait(timeout=60) == 143, log.read_text()
        assert "the same command continues" in log.read_text()
        limit = time.monotonic() + 20
        while n_living(group) and time.monotonic() < limit:
            time.sleep(0.2)
        assert not n_living(group)
    finally:
        if n_living(group):
            os.killpg(group, signal.SIGKILL)
        started.wait()
