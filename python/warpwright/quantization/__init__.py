"""Quantisation, and weights brought into the order that products read."""

from warpwright._rooms import open_family
from warpwright.quantization._marlin_scales import marlin_permute_scales as marlin_permute_scales
from warpwright.quantization._marlin_scales import marlin_zero_points as marlin_zero_points

open_family(__name__)
