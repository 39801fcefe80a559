"""Spherical attention: rows of weights are on the unit sphere, so weights keep their sign."""

from flashsign.api import spherical_attention, spherical_attention_map
from flashsign.reference import Normaliser, SphericalAttentionMap

__all__ = ["Normaliser", "SphericalAttentionMap", "spherical_attention", "spherical_attention_map"]
