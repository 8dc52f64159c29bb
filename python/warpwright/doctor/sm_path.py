"""Which code a GPU runs: the rules of include/warpwright/sm_path.h and of WARPWRIGHT_FORCE_SM in csrc/torch."""

from __future__ import annotations

import re
from collections.abc import Sequence

FORCED = "WARPWRIGHT_FORCE_SM"
OLDEST = 50


def read_forced(text: str | None) -> int:
    """Return the SM that WARPWRIGHT_FORCE_SM asks for, written 80 or 90a; 0 where it is not set."""
    if not text:
        return 0
    found = re.fullmatch(r"([0-9]{2,3})a?", text)
    if found is None or int(found[1]) < OLDEST:
        raise ValueError(f"{FORCED} is '{text}', expected an SM such as 80 or 90a")
    return int(found[1])


def forced_problem(text: str | None) -> str | None:
    """Say that WARPWRIGHT_FORCE_SM is no SM; None where it is one, or is not set."""
    try:
        read_forced(text)
    except ValueError as error:
        return str(error)
    return None


def chosen_path(sms: Sequence[str], device: int, forced: str | None) -> str | None:
    """Name the path that a GPU takes; None where no path serves it, or where what is forced is no SM."""
    if forced_problem(forced):
        return None
    wanted = read_forced(forced)
    runnable = [sm for sm in sms if runs_on(sm, device) and wanted in (0, number(sm))]
    return max(runnable, key=number, default=None)


def number(sm: str) -> int:
    """Return the SM of a path as a number: 90 for ``90a``, 80 for ``80-ptx``."""
    return int("".join(digit for digit in sm if digit.isdigit()))


def runs_on(sm: str, device: int) -> bool:
    """Return whether the code of a path runs on a GPU."""
    if sm.endswith("-ptx"):
        return number(sm) <= device
    if sm[-1].isalpha():
        return number(sm) == device
    return number(sm) // 10 == device // 10 and number(sm) <= device
