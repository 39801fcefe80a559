"""Trains the transformer on networks whose edges are known: `grn pretrain`."""
