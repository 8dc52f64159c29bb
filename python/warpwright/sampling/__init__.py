"""Sampling: softmax, classes by chance, and probabilities of which the largest stay."""

from warpwright._rooms import open_family

open_family(__name__)
