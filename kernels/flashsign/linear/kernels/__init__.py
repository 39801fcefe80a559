"""The linear-time form on the matrix units of a GPU, for half precision."""
