import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from grn.edges.read import read_truth
from grn.errors import InputError
from grn.inference.prior import add_prior, prior_alone
from grn.runs.run import run
from tests.helpers import fast_config, file_config

PRIOR = pd.DataFrame({"source": ["TF02", "TF01", "SOX2"], "target": ["TF01", "TF03", "TF01"]})


TFS, GENES = ["TF01", "TF02", "TF03"], ["TF01", "TF02", "TF03", "G1"]


@pytest.fixture
def scores() -> torch.Tensor:
    found = torch.randn(4, 3)
    found[torch.arange(3), torch.arange(3)] = 0
    return found


def test_only_known_edges_are_raised_and_keep_their_sign(scores: torch.Tensor) -> None:
    guided = add_prior(scores, read_truth(PRIOR), TFS, GENES)
    expected = np.zeros((3, 4))
    expected[1, 0] = expected[0, 2] = 1
    raised = (guided.abs() - scores.abs()).T / scores.square().mean().sqrt()
    np.testing.assert_allclose(raised, 8 * expected, atol=1e-5)
    assert torch.equal(guided.sign(), scores.sign())
    assert np.array_equal(prior_alone(PRIOR, TFS, GENES).importance, expected)


def test_known_edges_come_first_in_the_order_that_expression_gives(scores: torch.Tensor) -> None:
    guided = add_prior(scores, read_truth(PRIOR), TFS, GENES).abs().T.numpy()
    known = prior_alone(PRIOR, TFS, GENES).importance == 1
    assert guided[known].min() > guided[~known].max()
    before = scores.abs().T.numpy()
    assert np.array_equal(guided[known].argsort(), before[known].argsort())


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
