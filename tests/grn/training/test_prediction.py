import anndata
import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from grn.data.datamodule import CellDataModule
from grn.data.dataset import CellDataset
from grn.training import prediction
from grn.training.prediction import ridge_r_squared

TF_INDEX = np.array([3, 0])
N_CELLS, N_GENES = 120, 5


@pytest.fixture
def loader() -> CellDataModule:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N_CELLS, N_GENES))
    values[:, 1] += values[:, 0]
    values[:, 3] -= values[:, 0]
    cells = CellDataset(anndata.AnnData(np.exp(values).astype(np.float32)))
    sizes = {"minibatch_size": 8, "max_steps": 3, "val_fraction": 0.2, "num_workers": 0}
    return CellDataModule(cells, **sizes, seed=0)


def by_hand(loader: CellDataModule, penalty: float) -> float:
    """One regression per gene, by scikit-learn, whose penalty is not divided by the cells."""
    z = loader.dataset.rows(np.arange(N_CELLS)).double().numpy()
    train, held_out = z[loader.train_rows], z[loader.val_rows]
    error = 0.0
    for gene in range(N_GENES):
        index = TF_INDEX[gene != TF_INDEX]
        ridge = Ridge(alpha=penalty * len(train)).fit(train[:, index], train[:, gene])
        error += ((held_out[:, gene] - ridge.predict(held_out[:, index])) ** 2).sum()
    return float(1 - error / ((held_out - train.mean(axis=0)) ** 2).sum())


@pytest.mark.parametrize("penalty", [0.02, 3.0])
def test_ridge_is_one_regression_per_gene_without_itself(
    loader: CellDataModule, monkeypatch: pytest.MonkeyPatch, penalty: float
) -> None:
    monkeypatch.setattr(prediction, "_PENALTIES", (penalty,))
    monkeypatch.setattr(prediction, "_ROWS_PER_BLOCK", 7)
    found = ridge_r_squared(loader, TF_INDEX, seed=0)
    assert found == pytest.approx(by_hand(loader, penalty), rel=1e-6)


def test_the_penalty_is_chosen_on_training_cells_alone(
    loader: CellDataModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = ridge_r_squared(loader, TF_INDEX, seed=0)
    assert chosen is not None
    assert chosen > 0
    seen: set[int] = set()
    rows = loader.dataset.rows

    def watched(asked: np.ndarray) -> torch.Tensor:
        seen.update(asked.tolist())
        return rows(asked)

    monkeypatch.setattr(loader.dataset, "rows", watched)
    monkeypatch.setattr(loader, "val_rows", loader.train_rows[:2])
    ridge_r_squared(loader, TF_INDEX, seed=0)
    assert seen == set(loader.train_rows.tolist())


def test_ridge_is_left_out_where_it_would_take_too_long(
    loader: CellDataModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction, "_MOST_REGULATORS", 1)
    assert ridge_r_squared(loader, TF_INDEX, seed=0) is None


def test_predictions_of_the_training_mean_have_r2_0(loader: CellDataModule) -> None:
    class Mean:
        def squares(self, cells: torch.Tensor) -> torch.Tensor:
            mean = loader.dataset.rows(loader.train_rows).mean(dim=0)
            about = (cells - mean).square().sum()
            return torch.stack([about, about])

    module: object = Mean()
    assert prediction.r_squared(module, loader) == 0  # type: ignore[arg-type]
