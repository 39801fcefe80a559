"""Turns the scores of the last attention map into signed, ranked edges."""

from collections.abc import Sequence
from dataclasses import dataclass

import flashsign
import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int

from grn.edges.matrix import edge_table, locate

# Added to the squared norm of a row. It is far below the square of any relevant score, so that
# weak rows have unit length too; chosen by hand, and not measured.
_EPS = 1e-20


@dataclass(frozen=True)
class NetworkMap:
    """The gene network as arrays whose rows are regulators.

    Parameters
    ----------
    weight
        w = s / ‖s_i‖: the row of a target over its regulators lies on the unit sphere. Positive
        weights are activation, negative ones repression; pairs of a gene with itself are 0.
    importance
        |w| ‖s_i‖ = |s|, which ranks the pairs.
    row_norm
        ‖s_i‖ of each target: a target without regulators has a unit row but a small norm.
    """

    weight: Float[np.ndarray, "n_tfs n_genes"]
    importance: Float[np.ndarray, "n_tfs n_genes"]
    row_norm: Float[np.ndarray, " n_genes"]


def read_map(
    scores: Float[torch.Tensor, "n_genes n_tfs"], tf_index: Int[np.ndarray, " n_tfs"]
) -> NetworkMap:
    """Project the scores of every target onto the unit sphere (Abbott et al., arXiv 2505.09326).

    Parameters
    ----------
    scores
        Signed scores s; rows are targets and columns are regulators (`grn.model.pretrained`).
    tf_index
        Position of each regulator among the genes.
    """
    n_genes, n_tfs = scores.shape
    own_key = torch.full((n_genes,), -1)
    own_key[torch.from_numpy(tf_index)] = torch.arange(n_tfs)
    # With queries and keys of 0, q · k is 0, and the pair bias is the whole score.
    attended = flashsign.spherical_attention_map(
        torch.zeros(1, 1, n_genes, 1),
        torch.zeros(1, 1, n_tfs, 1),
        bias=scores[None],
        exclude_self=own_key,
        eps=_EPS,
    )
    importance = np.abs(scores.T.numpy())
    importance[np.arange(n_tfs), tf_index] = 0
    return NetworkMap(
        attended.weight_mean[0].T.numpy(), importance, attended.row_norm_mean[0].numpy()
    )


def read_edges_off(
    scores: Float[torch.Tensor, "n_genes n_tfs"],
    tfs: Sequence[str],
    genes: Sequence[str],
    **extra: np.ndarray,
) -> pd.DataFrame:
    """Build the complete edge table of all TF × gene pairs but self-pairs, best first.

    Returns
    -------
    Table with the columns `source, target, weight, importance, row_norm`, then the extra ones, as
    in `grn.edges.matrix.edge_table`. `row_norm` is ‖s_i‖ of the target.
    """
    found = read_map(scores, locate(tfs, genes))
    columns = {"row_norm": found.row_norm, **extra}
    return edge_table(found.weight, found.importance, tfs, genes, **columns)


def with_cells(edges: pd.DataFrame, var: pd.DataFrame) -> pd.DataFrame:
    """Add the number of cells in which the two genes of each edge are detected.

    Parameters
    ----------
    edges
        Table from `read_edges_off`.
    var
        `var` of the preprocessed cells, whose column `n_cells` counts cells.

    Returns
    -------
    The table with `n_cells_source` and `n_cells_target` after `row_norm`; unchanged if `var` has
    no such column.
    """
    if "n_cells" not in var or var["n_cells"].dtype.kind not in "iu":
        return edges
    table, counts = edges.copy(), var["n_cells"]
    place = table.columns.get_loc("row_norm") + 1
    for end in ("target", "source"):
        table.insert(place, f"n_cells_{end}", counts.loc[edges[end]].to_numpy())
    return table


def without_self(
    shape: tuple[int, ...], tf_index: Int[np.ndarray, " n_tfs"]
) -> Bool[np.ndarray, "n_tfs n_genes"]:
    """Return a mask of all pairs but those of a regulator with itself."""
    pairs = np.ones(shape, dtype=bool)
    pairs[np.arange(len(tf_index)), tf_index] = False
    return pairs
