"""Rules on the platform tag: what auditwheel finds, less the libraries that the user's torch and driver bring."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.version import Version
from pydantic import BaseModel

from wheelworks.audit.evidence import Evidence, Outcome
from wheelworks.audit.external import ask_module, failed, parse_answer
from wheelworks.audit.finding import Finding, Rule, Skip
from wheelworks.policy import Policy
from wheelworks.process import Runner

MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_(\w+)")
ALIASES = {"manylinux1_": "manylinux_2_5_", "manylinux2010_": "manylinux_2_12_", "manylinux2014_": "manylinux_2_17_"}


class Obstacles(BaseModel):
    """What keeps a wheel from a platform tag."""

    libs_to_eliminate: tuple[str, ...] = ()
    blacklisted_symbols: dict[str, tuple[str, ...]] = {}


class Shown(BaseModel):
    """The answer of ``auditwheel show --json``, as far as it is used; its version 1."""

    overall_tag: str
    sym_tag: str
    unsupported_isa: bool
    versioned_symbols: dict[str, tuple[str, ...]]
    policy_upgrades: dict[str, Obstacles]


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
    return next((new + tag.removeprefix(old) for old, new in ALIASES.items() if tag.startswith(old)), tag)


def find_platform(wheel: Path, policy: Policy, run: Runner) -> Platform:
    """Ask auditwheel for the best tag. No folder of this machine is searched, so the answer is the wheel's alone."""
    done = ask_module(run, "auditwheel", ["show", "--json", "--ldpaths", "", wheel])
    start = done.output.find("{")
    if not done.ok or start < 0:
        raise failed(done, "it could not read the wheel")
    shown = parse_answer(Shown, done.output[start : done.output.rfind("}") + 1], done)
    return choose_platform(shown, policy)


def choose_platform(shown: Shown, policy: Policy) -> Platform:
    """Choose the oldest platform whose only obstacles are libraries that torch or the driver brings."""
    least = glibc_of(shown.sym_tag)
    wanted = ", ".join(sorted(version for versions in shown.versioned_symbols.values() for version in versions))
    if least is None or shown.unsupported_isa:
        what = "instructions beyond the baseline" if shown.unsupported_isa else f"symbol versions {wanted}"
        return Platform(tag=shown.overall_tag, obstacles=what)
    reachable = {shown.overall_tag: "", shown.sym_tag: ""}
    reachable |= {tag: _obstacle(rest, policy) for tag, rest in shown.policy_upgrades.items()}
    open_tags = [(glibc, tag) for tag, why in reachable.items() if not why and (glibc := glibc_of(tag))]
    fitting = sorted((glibc, tag) for glibc, tag in open_tags if glibc >= least)
    if fitting:
        return Platform(tag=fitting[0][1], obstacles=f"symbol versions {wanted}")
    return Platform(tag=shown.overall_tag, obstacles=reachable.get(shown.sym_tag, ""))


def check_platform(evidence: Evidence) -> Outcome:
    """File name and WHEEL carry the tag that auditwheel finds, and every supported distribution can load it."""
    wheel, policy = evidence.wheel, evidence.policy
    if (why := _why_not_asked(evidence)) is not None:
        yield Skip(Rule.PLATFORM_TAG, why)
        yield Skip(Rule.PLATFORM_AGE, why)
        return
    best = find_platform(wheel.path, policy, evidence.tools.run)
    named = " ".join(sorted(wheel.platforms))
    if {canonical(tag) for tag in wheel.platforms} != {canonical(best.tag)}:
        why = f" because of {best.obstacles}" if best.obstacles else ""
        fix = "repair the wheel; where the tag found is a linux one, remove what stands in its way"
        yield Finding(wheel.path.name, Rule.PLATFORM_TAG, named, f"{best.tag}{why}", fix)
    if best.glibc is not None and best.glibc > policy.oldest_glibc:
        found, expected = f"{best.tag}: {best.obstacles}", f"glibc {policy.oldest_glibc} or older"
        fix = "build against older symbol versions, or define the symbols in the extension (csrc/glibc_compat.cpp)"
        yield Finding(wheel.path.name, Rule.PLATFORM_AGE, found, expected, fix)


def _why_not_asked(evidence: Evidence) -> str | None:
    if not evidence.elves:
        return "the wheel has no binary"
    if unlisted := {elf.entry for elf in evidence.elves} - {row.path for row in evidence.wheel.record}:
        return f"RECORD, which auditwheel goes by, has no line for {', '.join(sorted(unlisted))}"
    return None


def _obstacle(rest: Obstacles, policy: Policy) -> str:
    libraries = [library for library in rest.libs_to_eliminate if not policy.is_provided(library)]
    symbols = [f"{library} {' '.join(names)}" for library, names in sorted(rest.blacklisted_symbols.items())]
    return ", ".join([*libraries, *symbols])
