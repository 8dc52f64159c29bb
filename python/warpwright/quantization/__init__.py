"""Quantisation, and weights brought into the order that products read."""

from warpwright.quantization._marlin_scales import marlin_permute_scales, marlin_zero_points

__all__ = ["marlin_permute_scales", "marlin_zero_points"]
