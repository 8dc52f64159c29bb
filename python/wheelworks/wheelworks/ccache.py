"""ccache, used where it is found: set up so that another checkout with another toolchain folder hits."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import Version

from wheelworks import files
from wheelworks.process import Runner

OLDEST = Version("4.7")
HITS = ("direct_cache_hit", "preprocessed_cache_hit")
MISSES = ("cache_miss",)

PLACE = {
    "max_size": "CCACHE_MAXSIZE",
    "max_files": "CCACHE_MAXFILES",
    "remote_storage": "CCACHE_REMOTE_STORAGE",
    "remote_only": "CCACHE_REMOTE_ONLY",
    "read_only": "CCACHE_READONLY",
    "temporary_dir": "CCACHE_TEMPDIR",
    "umask": "CCACHE_UMASK",
    "namespace": "CCACHE_NAMESPACE",
    "disable": "CCACHE_DISABLE",
    "recache": "CCACHE_RECACHE",
    "log_file": "CCACHE_LOGFILE",
}
"""The settings that say where the cache is, who shares it and whether it is used, which stay the user's; every other is
this module's."""

SETTING = re.compile(r"\((.+)\) (\w+) = (.*)")


@dataclass(frozen=True)
class Ccache:
    """A ccache that is new enough, and where its user has put the cache."""

    path: Path
    version: Version
    place: Mapping[str, str] = field(default_factory=dict)


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


def check_ccache(path: Path, run: Runner, place: Mapping[str, str] | None = None) -> Ccache | None:
    """Return a ccache that runs and is new enough; an older one does not know how to cache nvcc across folders.

    ``place`` says where its cache is; without it, ccache is asked what its user's settings are.
    """
    printed = re.match(r"ccache version (\d+(\.\d+)+)", run([path, "--version"]).output)
    version = Version(printed[1]) if printed else Version("0")
    if version < OLDEST:
        return None
    return Ccache(path, version, read_place(run([path, "--show-config"]).output) if place is None else place)


def read_place(shown: str) -> dict[str, str]:
    """Read the settings of a place from ``ccache --show-config``, as variables; a folder becomes an absolute one."""
    place = {}
    for origin, key, value in (found.groups() for line in shown.splitlines() if (found := SETTING.fullmatch(line))):
        if key == "cache_dir":
            place["CCACHE_DIR"] = str(files.absolute(value))
        elif key in PLACE and origin != "default" and value not in ("", "false"):
            place[PLACE[key]] = value
    return place


def ccache_environment(ccache: Ccache, project: Path, folder: Path) -> dict[str, str]:
    """Set ccache up for builds that must hit from any folder.

    Paths below the project count relative to the build folder, and the toolchain and the sources are reached through
    links inside it; so the hash sees no absolute path. The compiler counts by content, not by time of installation, and
    so does what it starts: the file of the fingerprint. No configuration file but a place that has none is read.
    """
    return {
        **ccache.place,
        "CCACHE_CONFIGPATH": str(folder / "ccache.conf"),
        "CCACHE_BASEDIR": str(project),
        "CCACHE_NOHASHDIR": "1",
        "CCACHE_COMPILERCHECK": "content",
        "CCACHE_EXTRAFILES": str(fingerprint_path(folder)),
        "CCACHE_SLOPPINESS": "include_file_ctime,include_file_mtime",
        "CCACHE_STATSLOG": str(folder / "ccache.log"),
    }


def fingerprint_path(folder: Path) -> Path:
    """Return the file of a build folder that stands for all that compiles."""
    return folder / "compilers.txt"


def count(log: Path) -> CacheCount:
    """Count hits and misses in the log of one build; one without a compilation wrote none."""
    words = Counter(log.read_text(encoding="utf-8").split() if log.exists() else ())
    return CacheCount(hits=sum(words[word] for word in HITS), misses=sum(words[word] for word in MISSES))
