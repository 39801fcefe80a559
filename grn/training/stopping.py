"""What several processes that train together do when one of them is asked to end."""

import signal
import threading
from multiprocessing.process import BaseProcess
from typing import Any

import lightning as L

# Seconds that the others have to close their files; a checkpoint is whole at any moment.
_PATIENCE = 10.0


class EndsOnSigterm(L.Callback):
    """Lets SIGTERM end each of several processes, as it ends one that trains alone.

    Lightning's own handler tells the other processes through a broadcast. These may be waiting
    for gradients of this one meanwhile, and then all of them would wait forever.
    """

    _before: Any = signal.SIG_DFL

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Remember the handler from before Lightning's."""
        self._before = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put it back, where there are several processes."""
        in_main = threading.current_thread() is threading.main_thread()
        if trainer.world_size > 1 and in_main:
            signal.signal(signal.SIGTERM, self._before)


def end_children(trainer: L.Trainer) -> None:
    """End the processes that this one has started for the trainer, and that still run."""
    started = getattr(trainer.strategy.launcher, "procs", [])
    # Lightning ends those that run the command again by itself.
    children = [child for child in started if isinstance(child, BaseProcess)]
    for child in children:
        child.terminate()
    for child in children:
        child.join(_PATIENCE)
        child.kill()
