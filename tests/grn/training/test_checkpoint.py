from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from grn.data.dataset import CellDataset
from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from grn.model.pretrained import GeneNetwork
from grn.training.checkpoint import (
    FORMAT,
    describe_origin,
    load_predictor,
    read_checkpoint,
    settings_of,
    stored_network,
)
from grn.training.fit import build_loader, build_predictor
from tests.helpers import fast_config, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.training.module import PredictionModule

NAMES = {"genes": ["A", "B", "C"], "tfs": ["A"]}


@pytest.fixture
def origin() -> dict[str, Any]:
    network = GeneNetwork(torch.tensor([[0.0], [0.3], [-0.2]]), {"dominance": 3.0})
    config = fast_config(Path("unused"), "model.max_cells=77", "seed=5")
    return describe_origin(config, NAMES, network, {"sha256": "abc"}, "digest")


def build(adata: "AnnData") -> "PredictionModule":
    cells, config = CellDataset(adata), fast_config(Path("unused"))
    return build_predictor(config, cells, tfs_of(adata), build_loader(config, cells), {})


def test_what_is_written_is_read_again(origin: dict[str, Any], tmp_path: Path) -> None:
    torch.save({**origin, "state_dict": {}}, tmp_path / "x.ckpt")
    checkpoint = read_checkpoint(tmp_path / "x.ckpt")
    assert checkpoint["settings"]["model"]["max_cells"] == 77
    assert checkpoint["settings"]["seed"] == 5
    assert checkpoint["network"]["transformer"] == {"sha256": "abc"}
    found = stored_network(checkpoint, NAMES, "digest")
    assert found is not None
    assert torch.equal(found.scores, origin["network"]["scores"])
    assert found.belief == {"dominance": 3.0}


def test_the_network_is_of_these_cells_and_names_alone(origin: dict[str, Any]) -> None:
    assert stored_network(origin, NAMES, "other") is None
    assert stored_network(origin, {**NAMES, "tfs": ["B"]}, "digest") is None


def test_a_prior_that_is_not_stored_is_warned_of(
    origin: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    stored_network(origin, NAMES, "digest")
    assert caplog.text == ""
    network = GeneNetwork(origin["network"]["scores"], {})
    config = fast_config(Path("unused"), "prior=trrust")
    guided = describe_origin(config, NAMES, network, {}, "digest")
    assert stored_network(guided, NAMES, "digest") is not None
    assert "guided by the prior trrust, which is not stored" in caplog.text


def test_the_same_cells_get_the_whole_predictor(small: "AnnData") -> None:
    trained, fresh = build(preprocess(small)), build(preprocess(small))
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.normal_()
    load_predictor(fresh, {"state_dict": trained.state_dict()}, same_cells=True)
    for name, value in trained.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], value), name


def test_other_cells_get_what_belongs_to_no_gene(small: "AnnData") -> None:
    trained = build(preprocess(small))
    others = preprocess(small[:50, 1:].copy())
    applied, fresh = build(others), build(others)
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.normal_()
    load_predictor(applied, {"state_dict": trained.state_dict()}, same_cells=False)
    ours, theirs, before = (m.state_dict() for m in (applied, trained, fresh))
    of_genes = {"predictor.gain", "predictor.attention.bias"}
    for name in ours:
        expected = before[name] if name in of_genes else theirs[name]
        assert torch.equal(ours[name], expected), name


def test_a_network_without_a_predictor_leaves_the_module_as_it_is(
    small: "AnnData", origin: dict[str, Any]
) -> None:
    module, fresh = build(preprocess(small)), build(preprocess(small))
    load_predictor(module, origin, same_cells=True)
    for name, value in fresh.state_dict().items():
        assert torch.equal(module.state_dict()[name], value), name


@pytest.mark.parametrize("written_as", [None, FORMAT - 1])
def test_checkpoints_of_an_earlier_version_are_refused(
    tmp_path: Path, written_as: int | None
) -> None:
    old = {
        "grn": NAMES,
        "settings": {"model": {"pretrained": True}, "seed": 0},
        "state_dict": {"network.attention.bias": torch.zeros(1, 3, 1)},
    }
    torch.save(old if written_as is None else {**old, "format": written_as}, tmp_path / "old.ckpt")
    message = rf"old\.ckpt was written by an earlier version.*expected {FORMAT}.*train again"
    with pytest.raises(InputError, match=message):
        read_checkpoint(tmp_path / "old.ckpt")


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    for missing in (path, tmp_path):
        with pytest.raises(InputError, match="no checkpoint at"):
            read_checkpoint(missing)
    for content in (b"", b"text", bytes(range(200))):
        path.write_bytes(content)
        with pytest.raises(InputError, match="not a checkpoint of this project"):
            read_checkpoint(path)
    half = {"grn": NAMES, "settings": {}, "format": FORMAT}
    for other in ([1], {"state_dict": {}}, {"grn": {"genes": [], "tfs": []}}, half):
        torch.save(other, path)
        with pytest.raises(InputError, match="not a checkpoint of this project"):
            read_checkpoint(path)


def test_a_checkpoint_that_chooses_what_code_is_run_is_refused(
    origin: dict[str, Any], tmp_path: Path
) -> None:
    command = {"_target_": "os.system", "command": f"touch {tmp_path / 'executed'}"}
    origin["settings"]["logger"] = command
    torch.save({**origin, "state_dict": {}}, tmp_path / "x.ckpt")
    with pytest.raises(InputError, match="other settings than those of the model and the seed"):
        read_checkpoint(tmp_path / "x.ckpt")


def test_another_class_of_predictor_has_to_be_named_by_the_settings(
    origin: dict[str, Any], tmp_path: Path
) -> None:
    origin["settings"]["model"]["predictor"]["_target_"] = "mine.Predictor"
    torch.save({**origin, "state_dict": {}}, tmp_path / "x.ckpt")
    checkpoint = read_checkpoint(tmp_path / "x.ckpt")
    with pytest.raises(InputError, match="A file does not choose what code is run"):
        settings_of(fast_config(tmp_path), checkpoint)
    ours = fast_config(tmp_path, "model.predictor._target_=mine.Predictor")
    assert settings_of(ours, checkpoint).model.max_cells == 77


def test_the_cells_held_out_are_those_of_the_training(tmp_path: Path) -> None:
    network = GeneNetwork(torch.zeros(3, 1), {})
    trained = fast_config(tmp_path, "seed=3", "data.seed=0")
    origin = describe_origin(trained, NAMES, network, {}, "digest")
    again = settings_of(fast_config(tmp_path), origin)
    assert (again.seed, again.data.seed, again.data.loader.seed) == (3, 0, 0)
    asked = settings_of(fast_config(tmp_path, "data.seed=7"), origin)
    assert (asked.seed, asked.data.seed) == (3, 7)
    del origin["settings"]["data"]  # as written before it was kept
    earlier = settings_of(fast_config(tmp_path), origin)
    assert (earlier.seed, earlier.data.seed) == (3, 3)


def test_parameters_of_another_shape_are_refused(small: "AnnData") -> None:
    trained, fresh = build(preprocess(small)), build(preprocess(small))
    state = trained.state_dict()
    state["predictor.gain"] = torch.zeros(2)
    with pytest.raises(InputError, match="does not fit its own settings"):
        load_predictor(fresh, {"state_dict": state}, same_cells=True)
