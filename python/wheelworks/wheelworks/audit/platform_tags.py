"""Which platform tags a wheel may carry, by the best one that auditwheel finds. Nothing is read or run here."""

from __future__ import annotations

import re

from packaging.version import Version
from pydantic import BaseModel

MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_\w+")
OLDER_NAMES = {
    "manylinux_2_5_": "manylinux1_",
    "manylinux_2_12_": "manylinux2010_",
    "manylinux_2_17_": "manylinux2014_",
}
"""By PEP 600's spelling, that of the PEP before it; auditwheel writes both."""


class Platform(BaseModel):
    """The best platform tag for a wheel, and what keeps it from a better one."""

    tag: str
    obstacles: str

    @property
    def glibc(self) -> Version | None:
        """The glibc that the tag stands for; None for a tag such as linux_x86_64, which stands for none."""
        return glibc_of(self.tag)


def glibc_of(tag: str) -> Version | None:
    """Return the glibc version of a manylinux tag."""
    found = MANYLINUX.fullmatch(canonical(tag))
    return Version(f"{found[1]}.{found[2]}") if found else None


def canonical(tag: str) -> str:
    """Return a platform tag in the spelling of PEP 600: manylinux2014_x86_64 is manylinux_2_17_x86_64."""
    return next((new + tag.removeprefix(old) for new, old in OLDER_NAMES.items() if tag.startswith(old)), tag)


def platform_tags(best: Platform, oldest_glibc: Version) -> tuple[str, ...]:
    """Return the tags that a repair writes and the audit wants, sorted as in a file name.

    They are the best tag and, where the wheel runs on older systems too, that of the oldest supported glibc. The best
    one includes the other for an installer that knows its own system. One that is told of another system takes the
    very tag that it is told: ``pip download --platform manylinux_2_28_x86_64`` finds no wheel of manylinux_2_24 alone.
    """
    promised = promised_tag(best, oldest_glibc)
    return tuple(sorted(name for tag in {best.tag, promised or best.tag} for name in _spellings(tag)))


def promised_tag(best: Platform, oldest_glibc: Version) -> str | None:
    """Return the tag of the oldest supported glibc; None for a wheel that does not run there."""
    if best.glibc is None or best.glibc > oldest_glibc:
        return None
    return f"manylinux_{oldest_glibc.major}_{oldest_glibc.minor}_{_cpu(best.tag)}"


def is_earned(tag: str, best: Platform) -> bool:
    """True for a tag that a wheel can keep: its best one, or that of a newer glibc and the same CPU."""
    named, least = glibc_of(tag), best.glibc
    if named is None or least is None:
        return tag == best.tag
    return named >= least and _cpu(tag) == _cpu(best.tag)


def _cpu(tag: str) -> str:
    return canonical(tag).split("_", 3)[3]


def _spellings(tag: str) -> tuple[str, ...]:
    """Return a tag with its older names: auditwheel writes those too."""
    return (tag, *(old + tag.removeprefix(new) for new, old in OLDER_NAMES.items() if tag.startswith(new)))
