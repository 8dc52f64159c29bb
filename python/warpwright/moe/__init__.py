"""Mixtures of experts: what stands between the router and the products."""

from warpwright._rooms import open_family

open_family(__name__)
