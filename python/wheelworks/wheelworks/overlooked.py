"""Changes of a source that ninja overlooks: it builds anew what is newer than its object, and not what is older.

A file that was put back with its old time, by `cp -p` or `mv`, is such a change.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from wheelworks import files

COMPILED = ("csrc", "include")
"""The folders of a project that compilers read."""


def look(project: Path, note: Path) -> bool:
    """Note the sources' times for the next look; true where one has changed since the last and is older than that."""
    now, found = time.time_ns(), dict(_times(project))
    since, before = json.loads(note.read_text(encoding="utf-8")) if note.exists() else (0, {})
    files.write_text(note, json.dumps([now, found]))
    return any(changed <= since and before.get(name) != changed for name, changed in found.items())


def _times(project: Path) -> Iterator[tuple[str, int]]:
    for path in (project / "CMakeLists.txt", *(path for name in COMPILED for path in (project / name).rglob("*"))):
        if path.is_file():
            yield path.relative_to(project).as_posix(), path.stat().st_mtime_ns
