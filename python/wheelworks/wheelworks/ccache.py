"""ccache, used where it is found: set up so that another checkout with another toolchain folder hits."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from wheelworks.process import Runner

OLDEST = Version("4.7")
HITS = ("direct_cache_hit", "preprocessed_cache_hit")
MISSES = ("cache_miss",)


@dataclass(frozen=True)
class Ccache:
    """A ccache that is new enough."""

    path: Path
    version: Version


@dataclass(frozen=True)
class CacheCount:
    """What one build had from the cache."""

    hits: int
    misses: int

    def __str__(self) -> str:
        total = self.hits + self.misses
        share = f" ({100 * self.hits // total}% hits)" if total else ""
        return f"ccache: {self.hits} hits, {self.misses} misses{share}"


def find_ccache(environment: Mapping[str, str], run: Runner) -> Ccache | None:
    """Find ccache 4.7 or newer on the path."""
    found = shutil.which("ccache", path=environment.get("PATH"))
    return check_ccache(Path(found), run) if found else None


def check_ccache(path: Path, run: Runner) -> Ccache | None:
    """Return a ccache that runs and is new enough; an older one does not know how to cache nvcc across folders."""
    printed = re.match(r"ccache version (\d+(\.\d+)+)", run([path, "--version"]).output)
    version = Version(printed[1]) if printed else Version("0")
    return Ccache(path, version) if version >= OLDEST else None


def ccache_environment(project: Path, log: Path, extra: Path) -> dict[str, str]:
    """Set ccache up for builds that must hit from any folder.

    Paths below the project count relative to the build folder, and the toolchain and the sources are reached through
    links inside it; so the hash sees no absolute path. The compiler counts by content, not by time of installation;
    ``extra`` is a part of it that ccache does not know of.
    """
    return {
        "CCACHE_BASEDIR": str(project),
        "CCACHE_NOHASHDIR": "1",
        "CCACHE_COMPILERCHECK": "content",
        "CCACHE_EXTRAFILES": str(extra),
        "CCACHE_SLOPPINESS": "include_file_ctime,include_file_mtime",
        "CCACHE_STATSLOG": str(log),
    }


def count(log: Path) -> CacheCount:
    """Count hits and misses in the log of one build; one without a compilation wrote none."""
    words = Counter(log.read_text(encoding="utf-8").split() if log.exists() else ())
    return CacheCount(hits=sum(words[word] for word in HITS), misses=sum(words[word] for word in MISSES))
