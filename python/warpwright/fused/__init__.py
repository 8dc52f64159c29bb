"""Operators that do at once what models do one after the other."""

from warpwright._rooms import open_family

open_family(__name__)
