import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from grn.errors import InputError
from grn.network import read_truth
from grn.training.fit import build_module
from grn.training.prior import fit_prior_guided, prior_alone, start_from_prior
from grn.training.run import run
from tests.helpers import fast_config, file_config, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.data.dataset import CellDataset

PRIOR = pd.DataFrame({"source": ["TF02", "TF01", "SOX2"], "target": ["TF01", "TF03", "TF01"]})


@pytest.fixture(scope="module")
def cells(small: "AnnData") -> "AnnData":
    from grn.data.preprocessing.prepare import prepare
    from grn.data.preprocessing.preprocess import preprocess

    adata, _ = prepare(small, tfs_of(small), preprocess)
    return adata


@pytest.fixture
def dataset(cells: "AnnData") -> "CellDataset":
    from grn.data.dataset import CellDataset

    return CellDataset(cells)


def test_only_the_bias_of_known_edges_starts_elsewhere(
    cells: "AnnData", dataset: "CellDataset"
) -> None:
    tfs = tfs_of(cells)
    config = fast_config(Path("unused"))
    module = build_module(config, dataset, tfs)
    start_from_prior(module, read_truth(PRIOR))
    expected = np.zeros((len(tfs), cells.n_vars))
    for source, target in (("TF02", "TF01"), ("TF01", "TF03")):
        expected[tfs.index(source), cells.var_names.get_loc(target)] = 1
    attention = module.network.attention
    assert np.array_equal(attention.bias[0].detach().numpy().T, 8 * expected)
    assert np.array_equal(prior_alone(PRIOR, tfs, cells.var_names).importance, expected)


def test_known_edges_come_first_in_the_order_that_expression_gives(cells: "AnnData") -> None:
    tfs = tfs_of(cells)
    config = fast_config(Path("unused"))
    truth = read_truth(cells.uns["truth"])
    known = prior_alone(truth, tfs, cells.var_names).importance == 1
    scores = fit_prior_guided(config, cells, tfs, truth)
    assert np.median(scores.importance[known]) > np.quantile(scores.importance[~known], 0.9)
    assert len(np.unique(scores.importance[known])) > 1
    assert not Path("unused").exists()


def test_a_run_says_that_a_prior_guided_it_and_judges_the_prior(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    settings = (f"prior='{files['truth']}'", f"data.truth='{files['truth']}'")
    result = run(file_config(tmp_path / "run", files, *settings))
    assert result.metrics is not None
    assert result.metrics.loc["prior", "auprc"] == pytest.approx(1)
    assert json.loads((tmp_path / "run/metrics.json").read_text())["regime"] == "prior-guided"


def test_a_prior_of_other_genes_or_beside_a_split_is_refused(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("source,target\nSOX2,NANOG\n")
    with pytest.raises(InputError, match="No edge of the prior"):
        run(file_config(tmp_path / "run", files, f"prior='{other}'"))
    with pytest.raises(InputError, match="a prior and a split"):
        run(fast_config(tmp_path / "run", f"prior='{other}'", "split=both_seen"))
    assert not (tmp_path / "run").exists()
