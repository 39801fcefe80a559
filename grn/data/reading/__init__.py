"""Reads cells of any supported format into one AnnData."""
