"""Reads, checks and normalises cells, and serves minibatches of them."""
