"""Logs the learning rate and the norm of the gradient beside the loss."""

import lightning as L
import torch


class Curves(L.Callback):
    """Logs `train/learning_rate` and `train/gradient_norm` of every logged step.

    The norm is that of all gradients together, before any clipping. The names do not depend on
    the optimiser, so that runs with different ones share a panel.
    """

    def on_before_optimizer_step(
        self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Log both, before the step that they belong to."""
        gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
        pl_module.log_dict(
            {
                "train/gradient_norm": torch.nn.utils.get_total_norm(gradients),
                "train/learning_rate": float(optimizer.param_groups[0]["lr"]),
            }
        )
