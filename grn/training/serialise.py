"""Writes tensors to a file completely or not at all."""

import io
from pathlib import Path
from typing import Any

import torch

from grn.files import replacing


def write_tensors(content: Any, path: str | Path) -> None:
    """Write what `torch.load(weights_only=True)` reads again.

    The bytes are made in memory first: writing to a file itself, torch hides why it cannot, and
    puts the name of the file into it.

    Parameters
    ----------
    content
        Tensors in lists and mappings, with numbers and text.
    path
        File, which gets its name when it is whole.

    Raises
    ------
    InputError
        The folder does not exist, cannot be written to, or is full.

    Examples
    --------
    >>> import torch
    >>> write_tensors({"weight": torch.ones(2)}, "weights.pt")
    >>> torch.load("weights.pt", weights_only=True)
    {'weight': tensor([1., 1.])}
    """
    stream = io.BytesIO()
    torch.save(content, stream)
    with replacing(path) as temporary:
        temporary.write_bytes(stream.getvalue())
