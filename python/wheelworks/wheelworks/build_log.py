"""What a build's output says went wrong: the part around the first error, which later lines push out of sight."""

from __future__ import annotations

import re

ERROR = re.compile(r"\berror:|\bFAILED:|^CMake Error|^Traceback |^\w*(Error|Exception): |undefined reference", re.ASCII)

BEFORE = 10
"""Lines that are shown of what led to the first error: a cause often stands above it."""

AFTER = 20


def first_error(output: str) -> str:
    """Return the first error with the lines around it; the end of an output that names none."""
    lines = output.strip().splitlines()
    first = next((index for index, line in enumerate(lines) if ERROR.search(line)), None)
    if first is None:
        return "\n".join(lines[-BEFORE - AFTER :])
    return "\n".join(lines[max(0, first - BEFORE) : first + AFTER])
