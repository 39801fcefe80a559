"""The network: gene profiles, spherical attention, and the transformer over them."""
