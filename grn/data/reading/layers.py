"""Chooses the matrix of an AnnData: `X`, a layer, or `raw`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from grn.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

RAW = "raw"


def select_layer(adata: "AnnData", layer: str | None, *, origin: str = "adata") -> "AnnData":
    """Return cells whose `X` is `layer`; None keeps `X`, which must then exist.

    Parameters
    ----------
    adata
        In memory or backed; unchanged. The result shares its matrices.
    layer
        Key of `adata.layers`. Where there is no such key, `raw` is `adata.raw`, with its genes.
    origin
        Name of the cells in messages, such as their path.

    Raises
    ------
    InputError
        There is no such layer (the message lists those that exist), or no `X`.
    """
    import anndata

    if layer is None:
        if not _has_x(adata):
            raise no_matrix(origin, None, names_of_layers(adata))
        return adata
    if layer in adata.layers:
        layers = dict(adata.layers)
        return anndata.AnnData(
            X=layers[layer], obs=adata.obs, var=adata.var, uns=dict(adata.uns), layers=layers,
            obsm=dict(adata.obsm),
        )  # fmt: skip
    if layer == RAW and adata.raw is not None:
        raw = adata.raw
        beside = {"uns": dict(adata.uns), "obsm": dict(adata.obsm)}
        return anndata.AnnData(X=raw.X, obs=adata.obs, var=raw.var, **beside)
    raise no_matrix(origin, layer, names_of_layers(adata))


def names_of_layers(adata: "AnnData") -> list[str]:
    """Return the layers that `select_layer` accepts, with `raw` at the end."""
    names = [*map(str, adata.layers), *([RAW] if adata.raw is not None else [])]
    return list(dict.fromkeys(names))


def no_matrix(origin: str, layer: str | None, layers: Iterable[str]) -> InputError:
    """Return the error to raise where there is no such layer, or no `X`.

    Parameters
    ----------
    origin
        What the message calls the cells.
    layer
        The one that was asked for; None: `X`.
    layers
        Those that exist.
    """
    existing = ", ".join(layers) or "none"
    if layer is not None:
        return InputError(f"{origin} has no layer {layer!r}. Existing layers: {existing}.")
    return InputError(
        f"{origin} has no X, so there is no expression matrix to read. Choose a layer "
        f"with --layer (existing layers: {existing}) or store the matrix in X."
    )


def _has_x(adata: "AnnData") -> bool:
    try:
        return adata.X is not None
    except KeyError:  # from the file of a backed object
        return False
