"""Known edges as training data: splits, what is hidden, model and result."""
