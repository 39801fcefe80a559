"""Cache of predictions: one file per method, cells, settings and seed."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from grn.expression import fingerprint
from grn.files import replacing

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Prediction:
    """Prediction of a method for some cells, and the time it took."""

    weight: Float[np.ndarray, "n_tfs n_genes"] | None
    """Signed strength; None for a method without signs."""
    importance: Float[np.ndarray, "n_tfs n_genes"]
    """Scores that rank the pairs."""
    seconds: float


class Predictions:
    """The cached predictions of a folder for the same cells.

    Parameters
    ----------
    folder
        Folder of the files, which is created when the first one is written.
    adata, tfs
        Preprocessed cells, and the names of the TFs.
    """

    def __init__(self, folder: Path, adata: "AnnData", tfs: Collection[str]) -> None:
        self._folder = folder
        self._cells = [fingerprint(adata), list(tfs)]

    def path(
        self,
        method: str,
        version: str,
        settings: Mapping[str, Any],
        seed: int | None,
        known: str | None = None,
    ) -> Path:
        """Return the file of a job, whose name is a digest of everything that decides the result.

        Parameters
        ----------
        method, version
            Name, and `grn.benchmark.methods.Method.fingerprint`.
        settings, seed
            Arguments of the method; the seed is None if it is deterministic.
        known
            Digest of the known edges that it is told; None where it is told none.
        """
        decisive = [method, version, dict(settings), seed, *self._cells]
        if known is not None:
            decisive.append(known)
        digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
        return self._folder / f"{method}-{digest[:24]}.npz"


def load_prediction(path: Path) -> Prediction | None:
    """Read a prediction; None if it does not exist yet."""
    if not path.exists():
        return None
    with np.load(path) as arrays:
        return Prediction(arrays.get("weight"), arrays["importance"], float(arrays["seconds"]))


def save_prediction(path: Path, prediction: Prediction) -> None:
    """Write a prediction completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {"importance": prediction.importance, "seconds": np.array(prediction.seconds)}
    if prediction.weight is not None:
        arrays["weight"] = prediction.weight
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
