"""How large the largest tensor was that some code made."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


@dataclass
class Largest:
    """Elements of the largest tensor so far."""

    n_elements: int = 0


@contextmanager
def largest_tensor() -> Iterator[Largest]:
    """Watch what every operation of torch returns."""
    largest = Largest()

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            result = func(*args, **(kwargs or {}))
            for one in result if isinstance(result, tuple | list) else (result,):
                if isinstance(one, torch.Tensor):
                    largest.n_elements = max(largest.n_elements, one.numel())
            return result

    with Watch():
        yield largest
