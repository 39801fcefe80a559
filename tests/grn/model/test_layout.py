import torch

from grn.model.layout import Layout


def test_pairs_are_those_of_genes_that_exist_without_self_pairs() -> None:
    """The second network of the batch has 3 genes and 2 regulators; the rest is padding."""
    is_gene = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    is_regulator = torch.tensor([[True] * 3, [True, True, False]])
    layout = Layout(is_gene, is_regulator, torch.arange(5).split(2))
    assert [part.shape for part in layout.pairs()] == [(2, 1, 2, 3), (2, 1, 2, 3), (2, 1, 1, 3)]
    pairs = torch.cat(list(layout.pairs()), dim=2)[:, 0].int().tolist()
    assert pairs[0] == [[0, 1, 1], [1, 0, 1], [1, 1, 0], [1, 1, 1], [1, 1, 1]]
    assert pairs[1] == [[0, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_padding_is_not_counted() -> None:
    is_gene = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    is_regulator = torch.tensor([[True] * 3, [True, True, False]])
    layout = Layout(is_gene, is_regulator, (torch.arange(5),))
    assert layout.n_regulators == 3
    assert layout.genes_per_network().flatten().tolist() == [5.0, 3.0]
    assert layout.regulators_per_network().flatten().tolist() == [3.0, 2.0]
