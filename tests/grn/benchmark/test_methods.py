from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from grn.benchmark import methods
from grn.benchmark.methods import CONTROLS, GUIDED_BY_PRIOR, METHODS, TRAINED_ON_EDGES
from grn.benchmark.peers import PEERS
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
    monkeypatch.setattr(methods, "_files", lambda source: [files[source]])
    method = replace(METHODS["pearson"], sources=("one", "two"), configured=lambda: "lr 1")
    first = method.fingerprint()
    assert replace(method).fingerprint() == first
    others = [
        replace(method, sources=("one",)),
        replace(method, needs=("numpy",)),
        replace(method, configured=lambda: "lr 2"),
    ]
    found = [other.fingerprint() for other in others]
    files["two"].write_text("a = 2\n")
    assert len({first, *found, method.fingerprint()}) == 5


def test_every_source_exists() -> None:
    for method in (*METHODS.values(), *CONTROLS, TRAINED_ON_EDGES, GUIDED_BY_PRIOR):
        assert all(methods._files(source) for source in method.sources), method.name
    assert len(methods._files("grn.model")) > 3  # a package counts whole
    assert [file.name for file in methods._files("grn.moments")] == ["moments.py"]


def test_what_is_not_installed_is_missing() -> None:
    method = SimpleNamespace(needs=("numpy", "no-such-package"))
    assert methods.Method.missing(method) == ["no-such-package"]
