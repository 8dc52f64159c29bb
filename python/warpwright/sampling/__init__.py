"""Sampling: no operator of this family is here yet."""
