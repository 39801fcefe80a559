"""Training: the objective, the LightningModule, callbacks, and the run that ties them together."""
