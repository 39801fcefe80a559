"""The model: statistics and profiles of genes, spherical attention, and the transformer."""
