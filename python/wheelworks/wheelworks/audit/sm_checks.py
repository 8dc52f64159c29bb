"""Rules on device code: the SMs in the binary are those that the lane promises."""

from __future__ import annotations

from wheelworks.audit.evidence import Evidence, Outcome
from wheelworks.audit.finding import Finding, Rule, Skip
from wheelworks.cuobjdump import read_sms
from wheelworks.errors import AuditError
from wheelworks.sm import Sm, words


def check_sms(evidence: Evidence) -> Outcome:
    """Every SM of the lane has code that runs on it, and there is no code for another."""
    if not evidence.ours:
        yield from _skips(f"the wheel has no lane to hold its SMs against; it has {words(_found(evidence))}")
    elif evidence.lane is None:
        yield from _skips("the wheel names no lane of the matrix")
    else:
        lane, found = evidence.lane, _found(evidence)
        promised = frozenset(map(Sm.parse, lane.sm_set))
        name, rest = evidence.wheel.path.name, f"by lane {lane.name}"
        for sm in sorted(promised):
            if not any(code.covers(sm) for code in found):
                fix = "list the SM in csrc/kernels.cmake for the units that serve it"
                yield Finding(name, Rule.SM_MISSING, f"code for {words(found)}", f"code for {sm}, {rest}", fix)
        for sm in sorted(found - promised):
            fix = "compile units for the lane's SM set alone"
            yield Finding(name, Rule.SM_EXTRA, f"code for {sm}", f"code for {words(promised)} alone, {rest}", fix)


def _found(evidence: Evidence) -> frozenset[Sm]:
    binaries = [elf for elf in evidence.elves if elf.has_device_code]
    cuobjdump = evidence.tools.cuobjdump
    if cuobjdump is None and not evidence.ours:
        return frozenset()
    if cuobjdump is None:
        raise AuditError(
            f"cannot read the SMs of {evidence.wheel.path.name}",
            why="no cuobjdump was given",
            fix="run `nox -s audit`, which takes the one of the lane's toolchain",
        )
    return frozenset().union(*(read_sms(cuobjdump, elf.path, evidence.tools.run) for elf in binaries))


def _skips(why: str) -> Outcome:
    yield Skip(Rule.SM_MISSING, why)
    yield Skip(Rule.SM_EXTRA, why)
