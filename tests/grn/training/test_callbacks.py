from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from grn.evaluation import TruthScorer, candidates, evaluate
from grn.network import read_truth
from grn.readout import read_attention, read_edges_off
from grn.training.callbacks import JudgeNetwork

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.training.module import DenoisingModule

    Trained = tuple[DenoisingModule, AnnData, list[str]]

NAN = float("nan")
CONTROLS = {
    "random": {
        "auprc": 0.1,
        "auprc_ratio": 1.25,
        "auroc": 0.5,
        "early_precision_ratio": NAN,
        "per_tf_auroc": 0.5,
        "sign_accuracy": 0.5,
    }
}


def judge(trained: "Trained") -> JudgeNetwork:
    _, adata, tfs = trained
    judged = candidates(read_truth(adata.uns["truth"]))
    return JudgeNetwork(TruthScorer(judged, tfs, adata.var_names), CONTROLS)


@pytest.fixture
def logged(trained: "Trained", monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """What is logged on the module."""
    seen: dict[str, float] = {}

    def log_dict(values: dict[str, float], **_: Any) -> None:
        seen.update(values)

    monkeypatch.setattr(trained[0], "log_dict", log_dict)
    return seen


def test_metrics_are_those_of_the_edge_table(trained: "Trained", logged: dict[str, float]) -> None:
    module, adata, tfs = trained
    trainer: Any = SimpleNamespace(sanity_checking=False)
    judge(trained).on_validation_epoch_end(trainer, module)
    edges = read_edges_off(read_attention(module.network), tfs, adata.var_names)
    expected = evaluate(edges, adata.uns["truth"], n_random=1).loc["edges"]
    for name in ("auprc", "auprc_ratio", "auroc", "early_precision_ratio", "per_tf_auroc"):
        assert logged[f"val/{name}"] == pytest.approx(expected[name]), name
    assert all(np.isfinite(value) for value in logged.values())


def test_controls_are_logged_beside_and_undefined_ones_left_out(
    trained: "Trained", logged: dict[str, float]
) -> None:
    trainer: Any = SimpleNamespace(sanity_checking=False)
    judge(trained).on_validation_epoch_end(trainer, trained[0])
    lines = {name: value for name, value in logged.items() if name.startswith("val_controls/")}
    assert lines == {"val_controls/auprc_ratio/random": 1.25}


def test_sanity_check_is_not_judged(trained: "Trained", logged: dict[str, float]) -> None:
    trainer: Any = SimpleNamespace(sanity_checking=True)
    judge(trained).on_validation_epoch_end(trainer, trained[0])
    assert logged == {}
