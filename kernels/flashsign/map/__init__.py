"""Batch means of the attention map, and their gradient."""
