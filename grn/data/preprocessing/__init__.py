"""Checks, filters and log-normalises cells, and matches regulators to their genes."""
