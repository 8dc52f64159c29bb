"""Mixtures of experts: which experts a token goes to, and with which weights."""

from warpwright._rooms import open_family

open_family(__name__)
