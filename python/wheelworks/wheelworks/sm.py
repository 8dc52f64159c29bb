"""SMs, and which code runs on which GPU: the rule of include/warpwright/sm_path.h, for the audit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

WORD = re.compile(r"(\d{2,3})([a-z]?)(-ptx)?")


@dataclass(frozen=True, order=True)
class Sm:
    """An SM as a lane names it: 80, 90a, or 80-ptx where the code is PTX alone."""

    number: int
    suffix: str = ""
    ptx: bool = False

    @classmethod
    def parse(cls, word: str) -> Sm:
        """Read a word of an SM set, which the matrix has checked."""
        found = WORD.fullmatch(word)
        if found is None:
            raise ValueError(f"{word!r} is no SM; expected for example 80, 90a or 80-ptx")
        return cls(int(found[1]), found[2], found[3] is not None)

    def __str__(self) -> str:
        return f"{self.number}{self.suffix}{'-ptx' if self.ptx else ''}"

    def covers(self, wanted: Sm) -> bool:
        """True where code for this SM serves ``wanted``, a member of a lane's SM set.

        Plain code runs on the same major version and the same or a newer minor one, code for 90a on 90a alone (CUDA
        C++ Programming Guide, "Binary Compatibility"). PTX stands in for nothing but itself: a lane that promises
        SASS is not served by what the driver would have to compile.
        """
        if self == wanted:
            return True
        if self.ptx or wanted.ptx or self.suffix or wanted.suffix:
            return False
        return self.number // 10 == wanted.number // 10 and self.number <= wanted.number


def words(sms: Iterable[Sm]) -> str:
    """Return SMs as a lane writes them: sorted, with spaces between."""
    return " ".join(str(sm) for sm in sorted(sms)) or "none"
