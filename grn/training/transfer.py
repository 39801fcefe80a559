"""Puts the parameters of a checkpoint into a module built for other cells."""

import logging
from pathlib import Path
from typing import Any

import torch

from grn.errors import InputError
from grn.network import locate
from grn.training.module import DenoisingModule

logger = logging.getLogger(__name__)

_TOKENS = "network.attention.tokens"
_BIAS = "network.attention.bias"
_GAIN = "network.gain"
# Facts about one set of cells.
_OF_THE_CELLS = (
    _TOKENS,
    "network.attention.scale",
    "network.attention.start",
    "network.attention.tf_index",
    "network.attention.own_key",
    "network.statistics",
)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint written by a run or by `SphericalGRN.save`.

    Raises
    ------
    InputError
        The file is missing, or is no such checkpoint, or is of a supervised run.
    """
    if not Path(path).is_file():
        msg = f"no checkpoint at {path}. Expected the path of a .ckpt file, see checkpoints/."
        raise InputError(msg)
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        ours = (
            {"genes", "tfs"} == set(checkpoint["grn"])
            and {"model", "seed"} == set(checkpoint["settings"])
            and _BIAS in checkpoint["state_dict"]
        )
    except Exception as error:
        raise InputError(_not_ours(path)) from error
    if not ours:
        raise InputError(_not_ours(path))
    if checkpoint.get("regime") == "supervised":
        msg = (
            f"{path} is of a supervised run: known edges of its own cells trained it, so it says "
            "nothing of others. Expected a checkpoint of an unsupervised run."
        )
        raise InputError(msg)
    return checkpoint


def load_parameters(module: DenoisingModule, checkpoint: dict[str, Any]) -> None:
    """Load a checkpoint into a module that was built with the checkpoint's settings.

    It is taken whole for the cells it was trained on, else by name.

    Other cells have profiles of their own, whose axes do not carry over, so the module keeps its
    profiles. What carries over: the small networks, which see no axes, and by name the pair biases
    and gains of genes that both know (0 and the start value for the others).

    Raises
    ------
    InputError
        No regulator or no target of the checkpoint is among the genes of the module.
    """
    state, names = checkpoint["state_dict"], checkpoint["grn"]
    own = module.state_dict()
    if names == module.names and torch.equal(state[_TOKENS], own[_TOKENS]):
        module.load_state_dict(state)
        return
    rows, row_from = _shared(names["genes"], module.names["genes"])
    columns, column_from = _shared(names["tfs"], module.names["tfs"])
    if len(rows) == 0 or len(columns) == 0:
        msg = (
            f"No regulator or target of the checkpoint ({', '.join(names['genes'][:3])}, …) is "
            f"among the genes of the cells ({', '.join(module.names['genes'][:3])}, …). Check "
            "species and gene names."
        )
        raise InputError(msg)
    by_part = (*_OF_THE_CELLS, _BIAS, _GAIN)
    taken = {key: value for key, value in state.items() if key not in by_part}
    own[_BIAS][:, rows[:, None], columns] = state[_BIAS][:, row_from[:, None], column_from]
    own[_GAIN][rows] = state[_GAIN][row_from]
    module.load_state_dict(own | taken)
    logger.info(
        "checkpoint applied to other cells: %d of %d genes and %d of %d regulators known by name",
        *(len(rows), len(module.names["genes"]), len(columns), len(module.names["tfs"])),
    )


def _not_ours(path: str | Path) -> str:
    return f"{path} is not a checkpoint of this project. Expected checkpoints/best.ckpt of a run."


def _shared(theirs: list[str], ours: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the positions of the shared names in ours, and in theirs."""
    found = torch.from_numpy(locate(ours, theirs))
    ours_at = (found >= 0).nonzero().squeeze(1)
    return ours_at, found[ours_at]
