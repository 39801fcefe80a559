"""Cells checked, filtered and log-normalised, and regulators matched to their genes."""
