"""The quadratic form in blocks of rows that stay in cache, if there is no linear form."""
