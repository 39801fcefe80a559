"""The Triton kernels that walk over tiles of scores and store none of them."""
