"""A package of one extension."""
