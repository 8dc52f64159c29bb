"""Readable names for mangled symbols: the C++ name, and what tells a variant of a template from its siblings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

NESTED = re.compile(r"_ZN?K?(?=[1-9])")
LENGTH = re.compile(r"[1-9][0-9]{0,4}")
PART = re.compile(r"L[a-z](n?[0-9]+)E|([1-9][0-9]{0,4})|(?:S[0-9A-Z]*|T[0-9]*)_|S[a-z]|(.)", re.DOTALL)
BUILTIN = {"a": "int8", "h": "uint8", "i": "int", "f": "float", "d": "double", "b": "bool"}
SHOWN = 12


def name_of(symbol: str) -> str:
    """Return the C++ name of a mangled symbol, without template and function arguments; the symbol without one."""
    start = NESTED.match(symbol)
    if start is None:
        return symbol
    words, at = [], start.end()
    while (digits := LENGTH.match(symbol, at)) is not None:
        end = digits.end() + int(digits[0])
        words.append(symbol[digits.end() : end])
        at = end
        if not symbol.startswith("_ZN"):
            break
    return "::".join(words) if at <= len(symbol) else symbol


def tell_apart(symbols: Sequence[str]) -> dict[str, str]:
    """Return for each of some variants the words of its arguments that the others do not share.

    The eight tiles of one CUTLASS kernel have names of two thousand letters that differ in a type and five numbers:
    these are what is given, each position once; where the names differ in length, the words that come more often.
    """
    siblings = sorted(set(symbols))
    texts = [tuple(_words(symbol)) for symbol in siblings]
    if len({len(text) for text in texts}) == 1:
        columns = [column for column in zip(*texts, strict=True) if len(set(column)) > 1]
        rows = list(zip(*dict.fromkeys(columns), strict=True)) or [()] * len(siblings)
    else:
        counted = [Counter(text) for text in texts]
        fewest = {word: min(count[word] for count in counted) for count in counted for word in count}
        rows = [tuple(word for word in count if count[word] > fewest[word]) for count in counted]
    return {symbol: " ".join(row[:SHOWN]) for symbol, row in zip(siblings, rows, strict=True)}


def _words(symbol: str) -> Iterator[str]:
    """Return the identifiers, numbers and basic types in a mangled symbol, in one pass.

    A demangler would resolve the back references as well, and so spread a hostile symbol without bound.
    """
    at = 0
    while (part := PART.match(symbol, at)) is not None:
        at = part.end()
        number, length, letter = part.groups()
        if number is not None:
            yield number.replace("n", "-")
        elif length is not None:
            yield symbol[at : at + int(length)]
            at += int(length)
        elif letter in BUILTIN:
            yield BUILTIN[letter]
