"""From preprocessed cells to their gene network, and how far to trust it."""
