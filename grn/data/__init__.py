"""Cells in: reading, checking, normalising, simulating, and minibatches of them."""
