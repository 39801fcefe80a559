"""Triton kernels that compute tiles of scores and store none of them."""
