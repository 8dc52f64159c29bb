"""Decoding by a grammar: logits of tokens that it does not allow."""

from warpwright._rooms import open_family

open_family(__name__)
