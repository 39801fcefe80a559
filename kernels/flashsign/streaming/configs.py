"""Table of the tiles of each streaming kernel, by chip, features of a head and element size."""

from functools import cache
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from flashsign.streaming.arguments import Options, padded

Kernel = Literal["forward", "queries", "keys", "bias", "map"]


class Tile(NamedTuple):
    """Launch configuration of a kernel."""

    block_n: int
    """Number of queries of a tile."""
    block_m: int
    """Number of keys of a tile."""
    num_warps: int
    num_stages: int
    """Number of tiles that are loaded ahead while earlier ones are multiplied."""

    def arguments(self) -> dict[str, int]:
        """Return the tile under the names of the kernels and of Triton."""
        return {
            "BLOCK_N": self.block_n,
            "BLOCK_M": self.block_m,
            "num_warps": self.num_warps,
            "num_stages": self.num_stages,
        }


class Key(NamedTuple):
    """Key of a row of the table."""

    chip: int
    """80 for A100, 90 for H100 and H200, 0 for a chip without rows of its own."""
    width: int
    """Features of a head, the larger of d and d_v, rounded up to a power of two."""
    element_size: int
    """Bytes of the dtype: bfloat16 and float16 are tiled alike."""
    options: bool
    """Whether there is a bias, gate, mask or self-exclusion, whose tiles need registers too."""


Row = dict[Kernel, Tile]

# Of the tiles that the compiler fits into the registers without spills and into shared memory
# (163 KiB on chip 80, 227 on 90, 99 on 0), the largest. Not yet chosen by time on any chip.
_ROWS = """
chip width bytes options forward     queries     keys        bias        map
  90    16     2      no 128x128x8x3 128x128x8x3 128x128x8x3 128x64x8x3  128x64x8x3
  90    16     2     yes 128x64x8x3  64x64x8x3   32x128x8x3  64x64x8x3   64x64x8x3
  90    32     2      no 128x128x8x3 128x128x8x3 64x128x8x3  128x64x8x3  128x64x8x3
  90    32     2     yes 64x64x8x3   64x64x8x3   32x128x8x3  64x64x8x3   64x64x8x3
  90    64     2      no 128x128x8x3 128x128x8x3 64x128x8x3  128x64x8x3  128x64x8x3
  90    64     2     yes 128x64x8x3  128x64x8x3  32x128x8x3  64x64x8x3   64x64x8x3
  90   128     2      no 128x128x8x3 128x64x8x3  32x128x8x3  128x64x8x2  128x64x8x3
  90   128     2     yes 64x64x8x3   64x32x8x3   32x64x8x3   64x64x8x3   64x64x8x3
  90   256     2      no 128x64x8x2  64x64x8x2   32x128x8x3  64x64x8x1   128x64x8x2
  90   256     2     yes 64x32x8x3   64x32x8x3   16x64x8x3   64x32x8x2   64x32x8x3
  90    16     4      no 128x128x8x3 128x128x8x3 64x128x8x3  64x64x8x3   64x64x8x3
  90    16     4     yes 64x64x8x3   64x64x8x3   32x128x8x3  64x32x8x3   64x32x8x3
  90    32     4      no 128x64x8x3  128x64x8x3  32x128x8x3  64x64x8x3   64x64x8x3
  90    32     4     yes 64x64x8x3   64x32x8x3   16x64x8x3   64x32x8x3   64x32x8x3
  90    64     4      no 64x64x8x3   64x32x8x3   32x64x8x3   64x64x8x3   64x64x8x1
  90    64     4     yes 64x32x8x3   64x32x8x3   32x64x8x3   16x32x8x3   16x32x8x3
  90   128     4      no 64x32x8x3   64x32x8x3   32x64x8x1   64x64x8x1   64x64x8x1
  90   128     4     yes 32x16x8x3   64x32x8x3   16x64x8x1   16x32x8x3   16x32x8x1
  90   256     4      no 32x32x8x3   32x32x8x3   32x32x8x3   32x32x8x1   64x32x8x1
  90   256     4     yes 32x16x8x3   32x32x8x3   16x32x8x3   32x16x8x3   32x16x8x1
  80    16     2      no 128x128x8x3 128x128x8x3 128x128x8x3 128x64x8x3  128x64x8x3
  80    16     2     yes 64x64x8x3   64x64x8x3   32x128x8x3  64x64x8x3   64x64x8x3
  80    32     2      no 128x128x8x3 128x128x8x3 64x128x8x3  128x64x8x3  128x64x8x3
  80    32     2     yes 64x64x8x3   64x32x8x3   32x64x8x3   64x32x8x3   64x64x8x3
  80    64     2      no 128x128x8x3 128x128x8x3 64x128x8x3  128x64x8x3  128x64x8x3
  80    64     2     yes 64x32x8x3   64x32x8x3   16x64x8x3   64x32x8x3   64x64x8x3
  80   128     2      no 128x128x8x3 64x64x4x3   64x64x8x3   128x64x8x2  128x64x8x3
  80   128     2     yes 64x64x8x3   64x32x8x3   16x64x8x3   64x16x8x3   64x32x8x3
  80   256     2      no 64x64x8x2   64x64x8x2   64x64x8x2   64x64x8x2   64x64x8x3
  80   256     2     yes 64x32x8x3   32x16x4x3   16x64x8x3   64x16x8x1   32x32x8x3
  80    16     4      no 128x128x8x3 128x128x8x3 64x64x8x3   64x64x8x3   64x64x8x3
  80    16     4     yes 64x64x8x3   64x64x8x3   64x64x8x1   64x32x8x1   64x32x8x3
  80    32     4      no 128x64x8x1  128x64x8x3  32x64x8x3   64x64x8x3   64x64x8x3
  80    32     4     yes 64x32x8x3   64x32x8x3   32x32x8x3   64x32x8x3   64x32x8x3
  80    64     4      no 64x64x8x3   64x32x8x3   32x64x8x1   64x64x8x3   64x64x8x1
  80    64     4     yes 64x32x8x3   32x32x8x3   32x32x8x1   32x16x8x3   32x16x8x3
  80   128     4      no 64x32x8x3   64x32x8x3   32x64x8x1   32x32x8x3   64x64x8x1
  80   128     4     yes 32x32x8x3   32x32x8x1   32x32x8x1   32x16x8x1   32x16x8x1
  80   256     4      no 32x16x8x3   32x32x8x1   32x32x8x1   32x32x8x1   64x32x8x1
  80   256     4     yes 32x16x8x3   32x32x8x1   16x32x8x3   32x16x8x1   32x16x8x1
   0    16     2      no 64x64x8x3   64x64x8x3   64x64x8x3   64x64x8x3   64x64x8x3
   0    16     2     yes 64x64x8x3   64x64x8x3   32x64x8x3   64x64x8x3   64x64x8x3
   0    32     2      no 64x64x8x3   64x64x8x3   64x64x8x3   64x64x8x3   64x64x8x3
   0    32     2     yes 64x64x8x3   64x32x8x3   32x64x8x3   64x32x8x3   64x64x8x3
   0    64     2      no 64x64x8x3   64x64x8x3   64x64x8x3   64x64x8x3   64x64x8x3
   0    64     2     yes 64x32x8x3   64x32x8x3   16x64x8x3   64x32x8x3   64x64x8x3
   0   128     2      no 64x64x8x3   64x64x4x2   64x64x8x2   64x64x4x2   64x64x8x3
   0   128     2     yes 64x64x8x3   64x32x8x3   16x64x8x3   64x16x8x3   64x32x8x3
   0   256     2      no 64x64x8x1   64x32x8x1   32x64x8x1   64x32x8x2   64x64x8x2
   0   256     2     yes 64x32x8x2   32x16x4x3   16x64x8x3   64x16x8x1   32x32x8x3
   0    16     4      no 64x64x8x3   64x64x8x3   64x64x8x3   64x64x8x3   64x64x8x3
   0    16     4     yes 64x64x8x3   64x64x8x3   64x64x8x1   64x32x8x1   64x32x8x3
   0    32     4      no 64x64x8x3   64x64x8x3   32x64x8x3   64x64x8x3   64x64x8x3
   0    32     4     yes 64x32x8x3   64x32x8x3   32x32x8x3   64x32x8x3   64x32x8x3
   0    64     4      no 64x64x8x3   64x32x8x3   32x64x8x1   64x32x8x3   64x64x8x1
   0    64     4     yes 64x32x8x3   32x32x8x3   32x32x8x1   32x16x8x3   32x16x8x3
   0   128     4      no 32x32x8x3   64x32x8x1   32x32x8x1   32x16x8x1   64x64x8x1
   0   128     4     yes 32x32x8x3   32x32x8x1   32x32x8x1   32x16x8x1   32x16x8x1
   0   256     4      no 32x16x8x3   32x16x8x1   16x32x8x1   32x16x8x1   64x32x8x1
   0   256     4     yes 32x16x8x1   32x16x8x1   16x32x8x1   32x16x8x1   32x16x8x1
"""


def tile(kernel: Kernel, q: Tensor, v: Tensor | None, options: Options) -> Tile:
    """Return the tile of `kernel` for these inputs on their device."""
    width = padded(max(q.shape[3], 0 if v is None else v.shape[3]))
    any_option = any(option is not None for option in options)
    return TABLE[Key(chip(q.device), width, q.element_size(), any_option)][kernel]


@cache
def chip(device: torch.device) -> int:
    """Return the chip whose rows a device takes."""
    if device.type != "cuda":  # Triton's interpreter
        return 0
    capability = torch.cuda.get_device_capability(device)
    if capability == (8, 0):
        return 80
    return 90 if capability[0] in (9, 10) else 0


def _parsed(rows: str) -> dict[Key, Row]:
    """Return the table; a tile is written queries x keys x warps x stages."""
    table = {}
    for line in rows.strip().splitlines()[1:]:
        chip_, width, element_size, options, *tiles = line.split()
        key = Key(int(chip_), int(width), int(element_size), options == "yes")
        sizes = (Tile(*map(int, text.split("x"))) for text in tiles)
        table[key] = dict(zip(get_args(Kernel), sizes, strict=True))
    return table


TABLE = _parsed(_ROWS)
"""The row of every chip, width, element size, with and without options."""
