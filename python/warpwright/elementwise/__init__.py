"""Norms and activations."""

from warpwright._rooms import open_family

open_family(__name__)
