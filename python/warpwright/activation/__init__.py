"""Activations, where callers of FlashInfer look for them."""

from warpwright._rooms import open_family

open_family(__name__)
