"""The rule that no file of a wheel names the machine that built it."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path

from wheelworks.audit.evidence import Evidence, Outcome
from wheelworks.audit.finding import Finding, Rule

# A path below a folder of a user or of temporary files, in any file.
PRIVATE = rb"/(?:home/[\w.-]+|Users/[\w.-]+|root|tmp|var/tmp)/[\w.+@-][\w.+@/-]*"
# The absolute path of a source file, in a binary: what __FILE__ and debug information leave behind.
SOURCE = rb"/[\w.+@-]+(?:/[\w.+@-]+)+\.(?:cuh?|cpp|cxx|cc|c|hpp|hxx|h|inl)\b"
# Headers of the system's own compiler, and files that the static CUDA runtime reads on any machine.
NOT_OURS = (b"/usr/include/", b"/usr/lib/", b"/proc/", b"/sys/", b"/dev/")
BEFORE_A_PATH = re.compile(rb"[\w.+@~*-]")
SHOWN = 3


def check_build_paths(evidence: Evidence) -> Outcome:
    """No file holds a path of the build machine: neither a known folder of it nor what looks like one."""
    known = b"|".join(re.escape(str(folder).encode()) for folder in evidence.tools.build_folders)
    binaries = {elf.entry for elf in evidence.elves}
    for entry in sorted(evidence.wheel.entries):
        kinds = [known, PRIVATE, SOURCE] if entry in binaries else [known, PRIVATE]
        pattern = re.compile(b"|".join(kind for kind in kinds if kind))
        found = sorted(set(_paths(evidence.folder / entry, pattern)))
        if found:
            yield Finding(
                entry,
                Rule.BUILD_PATH,
                f"{len(found)} paths: {', '.join(found[:SHOWN])}{', ...' if len(found) > SHOWN else ''}",
                "no path of the machine that built it",
                "compile with -ffile-prefix-map for the source, build and toolchain folders, and strip",
            )


def _paths(path: Path, pattern: re.Pattern[bytes]) -> Iterator[str]:
    if path.stat().st_size == 0:
        return
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for match in pattern.finditer(data):
            start = match.start()
            if start and BEFORE_A_PATH.match(data[start - 1 : start]):
                continue  # the middle of a URL or of a relative path
            if not match[0].startswith(NOT_OURS):
                yield match[0][:200].decode("ascii", errors="replace")
