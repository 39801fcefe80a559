"""Gene names as people write them: symbols and Ensembl ids, case, aliases, species."""
