"""Writes the checkpoints of a training completely or not at all, and tells whole ones."""

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from grn.errors import InputError
from grn.training.serialise import write_tensors

# What Lightning goes on from.
_NEEDED = {"state_dict", "optimizer_states", "loops", "callbacks", "global_step"}


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside its final name, and then renames it.

    Lightning's own writer goes by the folder for temporary files. That may be full, and between
    two disks a file cannot be renamed: it is copied, and whoever kills the copy leaves half of it.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint.

        Parameters
        ----------
        checkpoint
            Its contents.
        path
            Path of the file, whose folder is made.
        storage_options
            None; Lightning passes this argument.

        Raises
        ------
        InputError
            It cannot be written.
        """
        assert storage_options is None
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(checkpoint, path)


def is_whole(path: Path, cells: str | None = None) -> bool:
    """Return whether a training of some cells can go on from a checkpoint.

    Parameters
    ----------
    path
        File of the checkpoint, which may have been cut off or belong to another program.
    cells
        Fingerprint of the cells; None for a training of none, as that of `grn pretrain`.

    Raises
    ------
    InputError
        It may not be read.
    MemoryError
        Memory ran out.
    """
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        return bool(stored.keys() >= _NEEDED and stored.get("cells") == cells)
    except MemoryError:
        raise  # says nothing of the file
    except PermissionError as error:
        msg = (
            f"cannot read {path}: {error.strerror}. Training would go on from it: make it "
            "readable, or delete it to start anew."
        )
        raise InputError(msg) from error
    except Exception:  # noqa: BLE001 - a broken file may raise anything
        return False
