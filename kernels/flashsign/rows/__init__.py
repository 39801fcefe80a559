"""The quadratic form in blocks of rows that stay in cache, for what has no linear form."""
