"""Runs auditwheel's command line as on a machine of the CPU that ``--plat`` names.

auditwheel 6.8 takes for ``--plat`` the tags of its own machine's CPU alone, though a repair goes by the wheel's: on
x86_64 it refuses manylinux_2_28_aarch64, the tag of a cross-compiled wheel. This may go once it takes those of all.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence


def cpu_of(words: Sequence[str]) -> str:
    """Return the CPU of the platform tag after ``--plat``."""
    tag = words[words.index("--plat") + 1]
    return tag.split("_", 3)[3]


def main() -> int | None:
    """Run auditwheel with this process's arguments."""
    cpu = cpu_of(sys.argv)
    platform.machine = lambda: cpu
    from auditwheel.main import main as auditwheel

    code: int | None = auditwheel()
    return code


if __name__ == "__main__":
    sys.exit(main())
