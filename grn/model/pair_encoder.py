"""From pair statistics to the log-odds of an edge, by a network trained on simulated truth."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from grn.errors import InputError
from grn.model.pair_statistics import N_OF_PAIR, N_STATISTICS, pair_statistics

PRETRAINED = Path(__file__).with_name("pair_encoder.pt")
"""What `grn pretrain` made; docs/pretraining.md says how, and what it reaches."""

_MOST_GENES, _MOST_PAIRS = 2000, 500_000

_N_PATHS = 8
_LARGEST = 5.0  # standard deviations from what it was trained on


class PairEncoder(nn.Module):
    r"""Says of every pair how likely j regulates i, in the light of all other pairs.

    Each pair is a vector $h_{ji}$, at first made of its statistics. A block adds what a small
    network makes of the normalised $h_{ji}$, the means over the targets of j and over the
    regulators of i, the strongest regulator of i, the reverse pair $h_{ij}$, and of paths over a
    third regulator k,

    .. math:: \frac{1}{M} \sum_k a(h_{jk}) \odot b(h_{ki}), \qquad
        \frac{1}{M} \sum_k c(h_{kj}) \odot d(h_{ki})

    with linear a, b, c, d: an indirect edge and a common regulator (the triangle updates of Jumper
    et al. 2021, without gates). The order of the genes changes nothing.

    Parameters
    ----------
    n_channels
        Length of $h$.
    n_blocks
        How often pairs look at each other.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, *, n_channels: int, n_blocks: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(N_STATISTICS))
        self.register_buffer("spread", torch.ones(N_STATISTICS))
        self.embed = _small_network(N_STATISTICS + N_OF_PAIR, n_channels)
        self.blocks = nn.ModuleList([_Block(n_channels) for _ in range(n_blocks)])
        self.norm = nn.LayerNorm(n_channels)
        self.log_odds = nn.Linear(n_channels, 1)
        self.strength = nn.Linear(N_OF_PAIR, 1, bias=False)

    def standardise_by(
        self, mean: Float[Tensor, " n_statistics"], spread: Float[Tensor, " n_statistics"]
    ) -> None:
        """Set what statistics are centred and divided by."""
        self.mean.copy_(mean)
        self.spread.copy_(spread)

    def forward(
        self,
        statistics: Float[Tensor, "batch n_tfs n_genes n_statistics"],
        is_tf: Bool[Tensor, "batch n_tfs"],
        is_gene: Bool[Tensor, "batch n_genes"],
    ) -> Float[Tensor, "batch n_tfs n_genes"]:
        """Return the log-odds of every pair.

        Parameters
        ----------
        statistics
            From `pair_statistics`; the first n_tfs genes are the regulators, in order.
        is_tf, is_gene
            False where a smaller network of the batch was padded.
        """
        standard = ((statistics - self.mean) / self.spread).clamp(-_LARGEST, _LARGEST)
        # Whether an edge activates or represses matters less than how strong it is.
        size = (statistics[..., :N_OF_PAIR] / self.spread[:N_OF_PAIR]).abs().clamp(max=_LARGEST)
        pairs = self.embed(torch.cat([standard, size], dim=-1))
        for block in self.blocks:
            pairs = pairs + block(pairs, is_tf, is_gene)
        both: Tensor = self.log_odds(self.norm(pairs)) + self.strength(size)
        return both.squeeze(-1)


class _Block(nn.Module):
    """What a pair learns from all other pairs, in one step."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(n_channels)
        self.ends = nn.Linear(n_channels, 4 * _N_PATHS)
        self.paths = nn.Linear(2 * _N_PATHS, n_channels)
        self.update = _small_network(6 * n_channels, n_channels)

    def forward(
        self,
        pairs: Float[Tensor, "batch n_tfs n_genes channels"],
        is_tf: Bool[Tensor, "batch n_tfs"],
        is_gene: Bool[Tensor, "batch n_genes"],
    ) -> Float[Tensor, "batch n_tfs n_genes channels"]:
        n_tfs = pairs.shape[1]
        is_pair = (is_tf[:, :, None] & is_gene[:, None, :])[..., None]
        tfs = is_tf.sum(dim=1)[:, None, None, None]
        genes = is_gene.sum(dim=1)[:, None, None, None]
        x = self.norm(pairs) * is_pair
        of_regulator = x.sum(dim=2, keepdim=True) / genes
        of_target = x.sum(dim=1, keepdim=True) / tfs
        no_tf = ~is_tf[:, :, None, None]
        strongest = x.masked_fill(no_tf, -torch.inf).amax(dim=1, keepdim=True)
        reverse = torch.zeros_like(x)
        reverse[:, :, :n_tfs] = x[:, :, :n_tfs].transpose(1, 2)
        first, second, left, right = (self.ends(x) * is_pair).chunk(4, dim=-1)
        indirect = torch.einsum("bjkc,bkic->bjic", first[:, :, :n_tfs], second)
        common = torch.einsum("bkjc,bkic->bjic", left[:, :, :n_tfs], right)
        paths = self.paths(torch.cat([indirect, common], dim=-1) / tfs)
        around = [of_regulator, of_target, strongest]
        seen = [x, *(part.expand_as(x) for part in around), reverse, paths]
        updated: Tensor = self.update(torch.cat(seen, dim=-1))
        return updated


def _small_network(n_inputs: int, n_outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(n_inputs, 2 * n_outputs), nn.GELU(), nn.Linear(2 * n_outputs, n_outputs)
    )


def is_encodable(n_tfs: int, n_genes: int) -> bool:
    """Say whether pairs can be encoded: at most 2000 genes, and half a million pairs.

    Half a million take 1.5 GB, and networks far larger than those trained on would be a guess.
    """
    return n_genes <= _MOST_GENES and n_tfs * n_genes <= _MOST_PAIRS


def rebuild(sizes: Mapping[str, int], state: Mapping[str, Tensor]) -> PairEncoder:
    """Return the encoder of these arguments and this state dict, ready to be asked."""
    encoder = PairEncoder(**sizes)
    encoder.load_state_dict(state)
    return encoder.eval()


def mean_log_odds(
    encoders: Sequence[PairEncoder],
    statistics: Float[Tensor, "batch n_tfs n_genes n_statistics"],
    is_tf: Bool[Tensor, "batch n_tfs"],
    is_gene: Bool[Tensor, "batch n_genes"],
) -> Float[Tensor, "batch n_tfs n_genes"]:
    """Return the mean of what several encoders say; parameters as of `PairEncoder`."""
    found = [encoder(statistics, is_tf, is_gene) for encoder in encoders]
    return torch.stack(found).mean(dim=0)


def edge_log_odds(
    roots: Float[Tensor, "n_cells n_genes"],
    tf_index: Int[Tensor, " n_tfs"],
    path: Path = PRETRAINED,
) -> Float[Tensor, "n_tfs n_genes"]:
    """Return the mean log-odds of the pretrained encoders, for every pair.

    Parameters
    ----------
    roots
        √ of the expression of some cells, not standardised.
    tf_index
        Column of each regulator.
    path
        Encoders written by `grn pretrain`.

    Raises
    ------
    InputError
        No such file, or one of something else.
    """
    encoders = _read_encoders(path)
    n_genes = roots.shape[1]
    others = torch.ones(n_genes, dtype=torch.bool)
    others[tf_index] = False
    order = torch.cat([tf_index, others.nonzero().squeeze(1)])
    n_tfs = len(tf_index)
    statistics = pair_statistics(roots[:, order], torch.arange(n_tfs))[None]
    is_tf, is_gene = torch.ones(1, n_tfs).bool(), torch.ones(1, n_genes).bool()
    found = torch.empty(n_tfs, n_genes)
    with torch.no_grad():
        found[:, order] = mean_log_odds(encoders, statistics, is_tf, is_gene)[0]
    return found


def _read_encoders(path: Path) -> list[PairEncoder]:
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        return [rebuild(stored["sizes"], state) for state in stored["encoders"]]
    except FileNotFoundError as error:
        msg = f"no pretrained pair encoder at {path}. Expected a file written by grn pretrain."
        raise InputError(msg) from error
    except Exception as error:
        msg = f"{path} is no pair encoder. Expected a file written by grn pretrain."
        raise InputError(msg) from error
