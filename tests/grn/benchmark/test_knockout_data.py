import anndata
import numpy as np
import pandas as pd
import pytest

from grn.benchmark import knockout_data
from grn.benchmark.knockout_data import find_dream4, read_dream4, simulate_knockouts


@pytest.fixture
def dream4() -> anndata.AnnData:
    """The wild type, six knock-outs and a knock-down; G1 acts on G4 to G6, G2 on all, G3 on G4."""
    rng = np.random.default_rng(0)
    values = 0.5 + 0.001 * rng.normal(size=(25, 7))
    names = ["control", *(f"G{k}" for k in range(1, 7)), "G1", *["control"] * 17]
    values[1, [3, 4, 5]] += [0.2, -0.2, 0.1]
    values[2] += 0.2
    values[3, 3] += 0.2
    values[np.arange(1, 7), np.arange(6)] = 0
    kinds = ["wild type", *["knock-out"] * 6, "knock-down", *["wild type"] * 17]
    return anndata.AnnData(
        X=values.astype(np.float32),
        obs=pd.DataFrame({"perturbation": names, "type": kinds}, index=map(str, range(25))),
        var=pd.DataFrame(index=[f"G{k}" for k in range(1, 8)]),
    )


def test_dream4_judges_odd_genes_to_which_enough_respond(dream4: anndata.AnnData) -> None:
    found = read_dream4(dream4, "one")
    assert list(found.responds) == [0]
    assert np.flatnonzero(found.responds[0]).tolist() == [3, 4, 5]
    assert found.roots.shape == (24, 7)
    assert (found.knocked < 0).sum() == 18
    np.testing.assert_array_equal(np.sign(found.response(0))[[3, 4, 5]], [1, -1, 1])
    assert found.response(0)[0] == pytest.approx(-np.sqrt(0.5), abs=0.01)


def test_the_mean_response_is_that_of_the_others(dream4: anndata.AnnData) -> None:
    found = read_dream4(dream4, "one")
    others = found.roots[(found.knocked > 0)]
    np.testing.assert_allclose(found.mean_response(0), others.mean(axis=0) - found.baseline[0])


def test_simulated_knockouts_respond_where_means_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knockout_data, "_N_CELLS", 60)
    found = simulate_knockouts("VSC", 0)
    assert found.tfs == found.adata.var_names.tolist()
    assert found.responds
    for gene, responds in found.responds.items():
        assert responds.sum() >= knockout_data.LEAST_RESPONDING
        assert not responds[gene]
        assert found.response(gene)[gene] < 0
        sd = found.roots[found.knocked < 0].std(axis=0)
        assert (np.abs(found.response(gene))[responds] > 0.2 * sd[responds]).all()


@pytest.mark.data
def test_dream4_is_found_where_the_data_are(
    shared_data: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRN_DATA", str(shared_data))
    assert {"size100_1", "size100_2"} <= {folder.name for folder in find_dream4()}
