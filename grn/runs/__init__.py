"""One run: cells in, run folder out."""
