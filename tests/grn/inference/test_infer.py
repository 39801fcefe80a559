import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from grn.data.dataset import CellDataset
from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from grn.inference.infer import (
    describe_transformer,
    infer_network,
    log_belief,
    sample_rows,
    untrained_network,
)
from grn.model.pretrained import GeneNetwork
from tests.helpers import fast_config, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

UNUSED = Path("unused")


def test_rows_are_targets_and_a_gene_with_itself_is_none(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    found = infer_network(fast_config(UNUSED), CellDataset(adata), tfs)
    assert found.scores.shape == (16, 4)
    assert found.scores.isfinite().all()
    assert not found.scores[torch.arange(4), torch.arange(4)].any()
    assert found.belief["dominance"] > 0


def test_many_cells_are_sampled_by_the_seed() -> None:
    rows = np.arange(10, 60)
    config = fast_config(UNUSED, "model.max_cells=20")
    first = sample_rows(config, rows)
    assert len(set(first.tolist())) == 20
    assert np.isin(first, rows).all()
    assert np.array_equal(first, sample_rows(config, rows))
    config.seed = 1
    assert not np.array_equal(first, sample_rows(config, rows))
    assert np.array_equal(sample_rows(fast_config(UNUSED), rows), rows)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seed=-1", "seed is -1; expected a whole number"),
        ("model.max_cells=1", r"model\.max_cells is 1; expected at least 2"),
    ],
)
def test_what_cannot_be_sampled_is_refused(setting: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sample_rows(fast_config(UNUSED, setting), np.arange(9))


def test_an_untrained_transformer_finds_another_network(small: "AnnData") -> None:
    cells, tfs = CellDataset(preprocess(small)), tfs_of(small)
    config = fast_config(UNUSED)
    first, again = (untrained_network(config, cells, tfs).scores for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, infer_network(config, cells, tfs).scores)
    config.seed = 1
    assert not torch.equal(first, untrained_network(config, cells, tfs).scores)


def test_the_weights_are_told_by_their_digest(tmp_path: Path) -> None:
    plain = GeneNetwork(torch.zeros(2, 2), {"share_of_closed_form": 0.0, "n_perturbed_genes": 0.0})
    told = describe_transformer(fast_config(UNUSED), plain)
    assert "interventional_sha256" not in told
    labelled = replace(plain, belief={**plain.belief, "n_perturbed_genes": 2.0})
    assert len(describe_transformer(fast_config(UNUSED), labelled)["interventional_sha256"]) == 12
    assert told["file"] == "of the package"
    assert len(told["sha256"]) == 12
    (tmp_path / "x.pt").write_bytes(b"x")
    named = fast_config(UNUSED, f"model.transformer='{tmp_path / 'x.pt'}'")
    other = describe_transformer(named, plain)
    assert other["file"] == str(tmp_path / "x.pt")
    assert other["sha256"] == "2d711642b726"
    with pytest.raises(InputError, match="no pretrained transformer at"):
        describe_transformer(fast_config(UNUSED, "model.transformer=none.pt"), plain)


def test_the_log_says_in_words_what_scores_start_from(caplog: pytest.LogCaptureFixture) -> None:
    belief = {"share_of_closed_form": 0.25, "dominance": 41.5}
    with caplog.at_level(logging.INFO, logger="grn"):
        log_belief(GeneNetwork(torch.zeros(9, 2), belief))
    assert "2 regulators and 9 genes" in caplog.text
    assert "pretrained on simulated networks (75 %)" in caplog.text
    assert "profiles (25 %), by statistics of these cells: dominance 41.5" in caplog.text
