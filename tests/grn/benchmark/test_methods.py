from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from grn.benchmark import methods
from grn.benchmark.methods import CONTEXT_METHODS, CONTROLS, METHODS
from grn.benchmark.peers import PEERS
from grn.benchmark.sources import source_files
from grn.data.preprocessing.preprocess import preprocess
from tests.helpers import tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

FAST = ("pearson", "spearman", "spearman_double_centred", "closed_form", "closed_form_max")


def test_every_peer_and_ours_can_be_asked_for() -> None:
    assert set(METHODS) == {*PEERS, "spherical", "ridge_profiles", "beyond_background"}
    assert {control.name for control in CONTROLS} == {*("untrained", "target_mean", "tf_variance")}


@pytest.mark.parametrize("method", [*map(METHODS.get, FAST), *CONTROLS], ids=lambda m: m.name)
def test_a_method_that_draws_nothing_has_the_same_result_for_every_seed(
    method: methods.Method, small: "AnnData"
) -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    first, second = (method.function(adata, tfs, seed=seed) for seed in (0, 1))
    assert first.importance.shape == (4, 16)
    assert method.seeded or np.array_equal(first.importance, second.importance)


def test_rows_are_those_of_the_tfs_as_named(small: "AnnData") -> None:
    adata = preprocess(small)
    by_hand = np.corrcoef(adata.X.toarray().T)
    tfs = [adata.var_names[7], adata.var_names[2]]
    weight, _ = METHODS["pearson"].function(adata, tfs, seed=0)
    np.testing.assert_allclose(weight, by_hand[[7, 2]], atol=1e-6)


def test_the_fingerprint_is_of_the_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("one", "two")}
    for file in files.values():
        file.write_text("a = 1\n")
    found = {"both": (files["one"], files["two"]), "one": (files["one"],)}
    monkeypatch.setattr(methods, "source_files", found.__getitem__)
    method = replace(METHODS["pearson"], module="both", configured=lambda: "lr 1")
    first = method.fingerprint()
    assert replace(method).fingerprint() == first
    others = [
        replace(method, module="one"),
        replace(method, needs=("numpy",)),
        replace(method, configured=lambda: "lr 2"),
    ]
    others_found = [other.fingerprint() for other in others]
    files["two"].write_text("a = 2\n")
    assert len({first, *others_found, method.fingerprint()}) == 5


@pytest.mark.parametrize(
    ("method", "decided_by"),
    [
        ("pearson", {"controls.py", "expression.py"}),
        ("spearman", {"correlation.py", "dense.py"}),
        ("closed_form", {"closed_form.py", "expression.py"}),
        ("genie3", {"trees.py", "dense.py"}),
        ("spherical", {"infer.py", "transformer.py", "transformer.pt", "readout.py", "api.py"}),
    ],
)
def test_a_method_begins_where_its_code_is(method: str, decided_by: set[str]) -> None:
    assert decided_by <= {file.name for file in source_files(METHODS[method].module)}


def test_code_of_other_methods_does_not_count() -> None:
    of_pearson = {file.name for file in source_files(METHODS["pearson"].module)}
    assert not of_pearson & {"trees.py", "transformer.py", "transformer.pt"}


def test_a_method_alone_sees_the_cells_of_its_group(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    adata.obs["group"] = np.where(np.arange(adata.n_obs) % 3 == 0, "one", "two")
    by_name = {method.name: method for method in CONTEXT_METHODS}
    for name, plain in (("alone", "spherical"), ("pearson_alone", "pearson")):
        assert by_name[name].by_group
        assert not METHODS[plain].by_group
        found = by_name[name].function(adata, tfs, seed=0, group="two")
        own = adata[(adata.obs["group"] == "two").to_numpy()]
        expected = METHODS[plain].function(own, tfs, seed=0)
        np.testing.assert_array_equal(found.importance, expected.importance)
    assert not by_name["pooled"].by_group
    assert by_name["grnboost2_alone"].module == METHODS["grnboost2"].module


def test_what_is_not_installed_is_missing() -> None:
    method = SimpleNamespace(needs=("numpy", "no-such-package"))
    assert methods.Method.missing(method) == ["no-such-package"]
