"""Cells of any supported format into one AnnData."""
