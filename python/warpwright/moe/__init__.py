"""Mixtures of experts: which experts a token goes to, and what stands between the router and the products."""

from warpwright._rooms import open_family

open_family(__name__)
