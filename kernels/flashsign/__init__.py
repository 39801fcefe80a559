"""Spherical attention: rows on the unit sphere instead of SoftMax, with signed weights."""

from flashsign.api import spherical_attention, spherical_attention_map
from flashsign.reference import Normaliser, SphericalAttentionMap

__all__ = ["Normaliser", "SphericalAttentionMap", "spherical_attention", "spherical_attention_map"]
