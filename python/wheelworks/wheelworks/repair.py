"""The repair stage: the wheel gets the platform tags that auditwheel finds, and no byte of a binary changes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from wheelworks import files
from wheelworks.archive import newest_time
from wheelworks.audit.external import ask_module
from wheelworks.audit.platform_checks import find_platform
from wheelworks.audit.platform_tags import Platform, platform_tags, promised_tag
from wheelworks.errors import RepairError
from wheelworks.policy import Policy
from wheelworks.process import Runner
from wheelworks.wheel import Wheel, read_wheel


def repair_wheel(wheel: Path, into: Path, policy: Policy, run: Runner) -> Path:
    """Put the wheel, with its platform tags, into a folder, whole or not at all; give its path there."""
    read = read_wheel(wheel)
    if read.faults:
        raise _refused(wheel, f"{read.faults[0].kind}: {read.faults[0].entry}", "audit it: it is not safe to unpack")
    best = find_platform(wheel, policy, run)
    promised = _check(wheel, best, policy)
    expected = ".".join(platform_tags(best, policy.oldest_glibc))
    if _has(read, expected):
        files.place(wheel, into / wheel.name)
        return into / wheel.name
    with TemporaryDirectory(prefix="wheelworks-repair-") as scratch:
        repaired = _run_auditwheel(wheel, promised, Path(scratch), policy, run)
        _check_tags(wheel, read_wheel(repaired), expected)
        files.place(repaired, into / repaired.name)
    return into / repaired.name


def _has(wheel: Wheel, platform: str) -> bool:
    """True where the file name has the platform tags, and WHEEL those of the file name."""
    return wheel.platform == platform and wheel.wheel_tags == wheel.tags


def _check(wheel: Path, best: Platform, policy: Policy) -> str:
    """Return the tag to ask auditwheel for, which writes the best one beside it.

    What it would have to graft is refused: a copy of a library needs a RUNPATH, which the audit refuses.
    """
    if (promised := promised_tag(best, policy.oldest_glibc)) is not None:
        return promised
    fix = "link statically, or do without the library or the newer symbols"
    if best.glibc is None:
        raise _refused(wheel, f"the best tag is {best.tag}, because of {best.obstacles}", fix)
    why = f"it runs on {best.tag} and newer, not on glibc {policy.oldest_glibc}, because of {best.obstacles}"
    raise _refused(wheel, why, fix)


def _run_auditwheel(wheel: Path, promised: str, scratch: Path, policy: Policy, run: Runner) -> Path:
    """Rewrite the tags. Without a patcher, auditwheel fails sooner than that it changes a binary."""
    excluded = [word for pattern in policy.provided for word in ("--exclude", pattern)]
    options: list[str | Path] = ["--patcher", "none", "--ldpaths", "", "--wheel-dir", scratch, *excluded]
    command = ["repair", "--plat", promised, *options, wheel]
    epoch = str(newest_time(wheel))  # the result is as reproducible as the wheel
    done = ask_module(run, "wheelworks.auditwheel_any_cpu", command, SOURCE_DATE_EPOCH=epoch)
    made = sorted(scratch.glob("*.whl"))
    if not done.ok or len(made) != 1:
        why = f"auditwheel ended with {done.returncode}:\n{done.last_lines()}"
        raise _refused(wheel, why, "run the audit: its platform-tag finding says what stands in the way")
    return made[0]


def _check_tags(wheel: Path, repaired: Wheel, expected: str) -> None:
    """Refuse what auditwheel leaves: it adds tags and removes the linux one, and never another that is wrong."""
    if not _has(repaired, expected):
        tags = " ".join(sorted(map(str, repaired.wheel_tags)))
        why = f"auditwheel made it {repaired.platform}, with {tags} in WHEEL; expected {expected}"
        raise _refused(wheel, why, "repair the wheel as the build left it, with a linux tag alone")


def _refused(wheel: Path, why: str, fix: str) -> RepairError:
    return RepairError(f"cannot give {wheel.name} its platform tags", why=why, fix=fix)
