"""Cells simulated over networks that are known: what a method should find."""
