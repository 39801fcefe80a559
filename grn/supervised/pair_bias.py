"""The pair bias of attention, as a function of the known edges around each pair."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

N_FEATURES = 11

# Walks are probabilities on a log scale, which begins here: at one path between two genes of
# degree 100 through a third one. Not measured.
_LEAST = 1e-4
# A little better than a linear bias, on one seed (docs/experiments.md); no other size was tried.
_HIDDEN_SIZE = 16
_LEAST_SPREAD = 1e-3  # of a feature, so that one that hardly varies is not magnified


class PairBias(nn.Module):
    """A small network from the features of a pair (`pair_features`) to its bias b_ij.

    Parameters
    ----------
    features
        Features for the network that is known when the model is used; they standardise others.
    start
        Bias of every pair before training.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, features: Float[Tensor, "n_tfs n_genes features"], start: float) -> None:
        super().__init__()
        self.register_buffer("mean", features.mean(dim=(0, 1)))
        self.register_buffer("spread", features.std(dim=(0, 1)).clamp_min(_LEAST_SPREAD))
        last = nn.Linear(_HIDDEN_SIZE, 1)
        nn.init.zeros_(last.weight)
        nn.init.constant_(last.bias, start)
        self.network = nn.Sequential(nn.Linear(N_FEATURES, _HIDDEN_SIZE), nn.GELU(), last)

    def forward(self, features: Float[Tensor, "*pairs features"]) -> Float[Tensor, "*pairs"]:
        """Return the bias of each pair."""
        bias: Tensor = self.network((features - self.mean) / self.spread)
        return bias.squeeze(-1)


def pair_features(
    known: Bool[Tensor, "n_tfs n_genes"],
    tf_index: Int[Tensor, " n_tfs"],
    resemblance: Float[Tensor, "n_genes n_genes"],
    importance: Float[Tensor, "n_tfs n_genes"],
) -> Float[Tensor, "n_tfs n_genes features"]:
    r"""Describe every pair j→i by the known edges around it, without the pair's own label.

    With A the symmetric adjacency of the known edges, D that of their directions, each divided by
    the roots of both degrees, and K the resemblance of expression: whether i→j is known; walks
    A², A³ and $D D^T D$ from j to i; the numbers of known targets of j, of regulators of i and of
    targets of i; the mean resemblance of i to known targets of j; known regulation of i, and of
    genes that resemble i, by genes that resemble j; and the score of the pair by expression alone.
    Walks and counts are on a log scale.

    The edge j→i itself is in A and D: ask only for pairs whose edge is hidden or false.

    Parameters
    ----------
    known
        The known edges.
    tf_index
        Column of each regulator.
    resemblance
        K; rows sum to 1, or to 0 for a gene like no other; zero diagonal.
    importance
        Of every pair, from expression alone.
    """
    n_tfs, n_genes = known.shape
    directed = torch.zeros(n_genes, n_genes, device=known.device)
    directed[tf_index] = known.float()
    linked = torch.maximum(directed, directed.T)
    steps, one_way = _by_root_degrees(linked), _by_root_degrees(directed)
    out_degree, in_degree = directed.sum(dim=1), directed.sum(dim=0)
    two = steps[tf_index] @ steps
    alike = resemblance[tf_index] @ one_way
    targets = directed[tf_index] / out_degree[tf_index].clamp_min(1).unsqueeze(1)
    columns = [
        directed[:, tf_index].T,
        *(_log(walk) for walk in (two, two @ steps, one_way[tf_index] @ one_way.T @ one_way)),
        out_degree[tf_index].log1p().unsqueeze(1),
        in_degree.log1p(),
        out_degree.log1p(),
        *(_log(walk) for walk in (targets @ resemblance, alike, alike @ resemblance.T)),
        importance,
    ]
    return torch.stack([column.expand(n_tfs, n_genes) for column in columns], dim=-1)


def _by_root_degrees(adjacency: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    out_degree = adjacency.sum(dim=1, keepdim=True).clamp_min(1)
    in_degree = adjacency.sum(dim=0).clamp_min(1)
    return adjacency / (out_degree * in_degree).sqrt()


def _log(walk: Float[Tensor, "n_tfs n_genes"]) -> Float[Tensor, "n_tfs n_genes"]:
    return (walk / _LEAST).log1p()
