"""Speculative decoding: trees and chains of drafted tokens, their verification, and masks as bits."""

from warpwright._rooms import open_family

open_family(__name__)
