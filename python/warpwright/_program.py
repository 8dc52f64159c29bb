"""Whether this package is imported as the program `python -m warpwright`, which has to run where nothing else does."""

from __future__ import annotations

from collections.abc import Sequence

NAMES = ("warpwright", "warpwright.__main__")


def is_the_program(argv: Sequence[str], orig_argv: Sequence[str]) -> bool:
    """Return whether the interpreter was started with ``-m warpwright`` and still looks for that module.

    Python imports a package before it runs its ``__main__``. Until then ``sys.argv[0]`` is ``-m``, also for another
    package that imports this one; which module it is stands in ``sys.orig_argv``, just before the program's own
    arguments: as a word of its own, or at the end of a cluster of options such as ``-Imwarpwright``.
    """
    position = len(orig_argv) - len(argv)
    if not argv or argv[0] != "-m" or position < 1:
        return False
    word = orig_argv[position]
    return (word[1:].partition("m")[2] if word.startswith("-") else word) in NAMES
