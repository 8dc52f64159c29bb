"""Mixtures of experts: no operator of this family is here yet."""
