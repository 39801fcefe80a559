from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader

from grn.training.curves import Curves


class Slope(L.LightningModule):
    """The loss a·x at x = 3, whose gradient is 3 whatever a is, and 4 for b at x = 4."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))
        self.idle = nn.Parameter(torch.zeros(()))

    def training_step(self, _: Any, __: int) -> Tensor:
        return 3 * self.a + 4 * self.b

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.5)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


def test_the_norm_is_that_of_all_gradients_and_the_rate_that_of_the_step(tmp_path: Path) -> None:
    trainer = L.Trainer(
        max_steps=3, logger=CSVLogger(tmp_path, name="csv"), callbacks=[Curves()],
        log_every_n_steps=1, accelerator="cpu", enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, gradient_clip_val=0.1,
    )  # fmt: skip
    trainer.fit(Slope(), DataLoader(range(3)))  # type: ignore[arg-type]
    table = pd.read_csv(tmp_path / "csv/version_0/metrics.csv")
    assert table["train/gradient_norm"].tolist() == pytest.approx([5, 5, 5])
    assert table["train/learning_rate"].tolist() == [0.5, 0.25, 0.125]
