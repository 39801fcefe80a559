"""Names of genes and regulators."""
