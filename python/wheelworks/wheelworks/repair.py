"""The repair stage: the wheel gets the platform tag that auditwheel finds, and no byte of a binary changes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from wheelworks import files
from wheelworks.archive import newest_time
from wheelworks.audit.external import ask_module
from wheelworks.audit.platform_checks import Platform, canonical, find_platform
from wheelworks.errors import RepairError
from wheelworks.policy import Policy
from wheelworks.process import Runner
from wheelworks.wheel import read_wheel


def repair_wheel(wheel: Path, into: Path, policy: Policy, run: Runner) -> Path:
    """Put the wheel, with its platform tag, into a folder, whole or not at all; give its path there."""
    read = read_wheel(wheel)
    if read.faults:
        raise _refused(wheel, f"{read.faults[0].kind}: {read.faults[0].entry}", "audit it: it is not safe to unpack")
    best = find_platform(wheel, policy, run)
    _check(wheel, best, policy)
    if {canonical(tag) for tag in read.platforms} == {best.tag}:
        files.place(wheel, into / wheel.name)
        return into / wheel.name
    with TemporaryDirectory(prefix="wheelworks-repair-") as scratch:
        repaired = _run_auditwheel(wheel, best, Path(scratch), policy, run)
        files.place(repaired, into / repaired.name)
    return into / repaired.name


def _check(wheel: Path, best: Platform, policy: Policy) -> None:
    """Refuse what auditwheel would have to graft: a copy of a library needs a RUNPATH, which the audit refuses."""
    fix = "link statically, or do without the library or the newer symbols"
    if best.glibc is None:
        raise _refused(wheel, f"the best tag is {best.tag}, because of {best.obstacles}", fix)
    if best.glibc > policy.oldest_glibc:
        why = f"it runs on {best.tag} and newer, not on glibc {policy.oldest_glibc}, because of {best.obstacles}"
        raise _refused(wheel, why, fix)


def _run_auditwheel(wheel: Path, best: Platform, scratch: Path, policy: Policy, run: Runner) -> Path:
    """Rewrite the tags. Without a patcher, auditwheel fails sooner than that it changes a binary."""
    excluded = [word for pattern in policy.provided for word in ("--exclude", pattern)]
    options: list[str | Path] = ["--patcher", "none", "--ldpaths", "", "--wheel-dir", scratch, *excluded]
    epoch = str(newest_time(wheel))  # the result is as reproducible as the wheel
    done = ask_module(run, "auditwheel", ["repair", *options, wheel], SOURCE_DATE_EPOCH=epoch)
    made = sorted(scratch.glob("*.whl"))
    if not done.ok or len(made) != 1:
        why = f"auditwheel ended with {done.returncode}:\n{done.last_lines()}"
        raise _refused(wheel, why, "run the audit: its platform-tag finding says what stands in the way")
    given = {canonical(tag) for tag in read_wheel(made[0]).platforms}
    if given != {best.tag}:
        why = f"auditwheel gave it {' '.join(sorted(given))}, and had found {best.tag}"
        raise _refused(wheel, why, "report this: two answers of one auditwheel differ")
    return made[0]


def _refused(wheel: Path, why: str, fix: str) -> RepairError:
    return RepairError(f"cannot give {wheel.name} a platform tag", why=why, fix=fix)
