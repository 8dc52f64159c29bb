"""Rules on the platform tags: what auditwheel finds, less the libraries that the user's torch and driver bring."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from wheelworks.audit.evidence import Evidence, Outcome
from wheelworks.audit.external import ask_module, failed, parse_answer
from wheelworks.audit.finding import Finding, Rule, Skip
from wheelworks.audit.platform_tags import Platform, glibc_of, is_earned, platform_tags
from wheelworks.policy import Policy
from wheelworks.process import Runner
from wheelworks.wheel import Wheel


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
    """The file name has the tags that a repair writes, and every supported distribution is offered what it can load.

    Another project's wheel need not name its best tag: one that was built and tested on manylinux_2_28 may say no more,
    though its symbols are older. It may not name a tag that it cannot keep.
    """
    wheel, policy = evidence.wheel, evidence.policy
    if (why := _why_not_asked(evidence)) is not None:
        yield Skip(Rule.PLATFORM_TAG, why)
        yield Skip(Rule.PLATFORM_AGE, why)
        return
    best = find_platform(wheel.path, policy, evidence.tools.run)
    expected = ".".join(platform_tags(best, policy.oldest_glibc))
    if evidence.ours and wheel.platform != expected:
        yield _tag_finding(wheel, best, expected)
    elif not evidence.ours and not all(is_earned(tag, best) for tag in wheel.platforms):
        yield _tag_finding(wheel, best, best.tag if best.glibc is None else f"{best.tag} or newer")
    yield from _age_findings(evidence, best)


def _tag_finding(wheel: Wheel, best: Platform, expected: str) -> Finding:
    why = f" because of {best.obstacles}" if best.obstacles else ""
    fix = "repair the wheel; where the tag found is a linux one, remove what stands in its way"
    return Finding(wheel.path.name, Rule.PLATFORM_TAG, wheel.platform, f"{expected}{why}", fix)


def _age_findings(evidence: Evidence, best: Platform) -> Outcome:
    """Yield what keeps the oldest supported glibc from the wheel: its symbols, or a name that leaves that glibc out."""
    oldest = evidence.policy.oldest_glibc
    named = [(glibc, tag) for tag in evidence.wheel.platforms if (glibc := glibc_of(tag)) is not None]
    expected = f"glibc {oldest} or older"
    if best.glibc is not None and best.glibc > oldest:
        fix = "build against older symbol versions, or define the symbols in the extension (csrc/glibc_compat.cpp)"
        found = f"{best.tag}: {best.obstacles}"
        yield Finding(evidence.wheel.path.name, Rule.PLATFORM_AGE, found, expected, fix)
    elif not evidence.ours and named and min(named)[0] > oldest:
        fix = f"name {best.tag} too, which the wheel has earned: an installer goes by the name"
        found = f"{min(named)[1]}: no older tag is named"
        yield Finding(evidence.wheel.path.name, Rule.PLATFORM_AGE, found, expected, fix)


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
