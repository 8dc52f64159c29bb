"""What the checks look at: an unpacked wheel, its ELF files, the lane that it was built for, and the tools."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wheelworks import archive
from wheelworks.audit.finding import Finding, Skip
from wheelworks.bill import Bill, read_bill
from wheelworks.elf import Elf, read_elf
from wheelworks.errors import AuditError
from wheelworks.lanes import Lane
from wheelworks.policy import Policy
from wheelworks.process import Runner
from wheelworks.wheel import Wheel

Outcome = Iterator[Finding | Skip]
"""What a check yields."""


class BuildRecord(BaseModel):
    """The record that the build writes into the wheel: what it was built from and for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal[1] = Field(alias="schema")
    version: str
    lane: str
    cuda: str
    nvcc: str
    build_type: str
    sm_set: tuple[str, ...]
    cutlass: str
    flashinfer: str


@dataclass(frozen=True)
class Tools:
    """What the checks run, and the folders of this machine that no wheel may name.

    ``cuobjdump`` reads device code. Without one, a wheel that has a lane cannot be audited, and the SMs of any other
    wheel are left out. ``accepted_bills`` is the folder of the bills that a wheel too large is held against.
    """

    run: Runner
    cuobjdump: Path | None
    build_folders: tuple[Path, ...] = ()
    accepted_bills: Path | None = None


@dataclass(frozen=True)
class Evidence:
    """One wheel, unpacked into ``folder``; ``scratch`` is for the tools' own files.

    ``bill`` is what its binary has of each operator; None for a wheel that is of no lane.
    """

    wheel: Wheel
    folder: Path
    scratch: Path
    elves: tuple[Elf, ...]
    record: BuildRecord | None
    record_fault: str
    lane: Lane | None
    bill: Bill | None
    policy: Policy
    tools: Tools

    @property
    def ours(self) -> bool:
        """True for a wheel of the project that the policy is for; the lane's rules are for these alone."""
        return self.wheel.name == self.policy.project


def gather(wheel: Wheel, work: Path, policy: Policy, tools: Tools) -> Evidence:
    """Unpack a wheel below ``work`` and read what every check needs."""
    folder, scratch = work / "unpacked", work / "scratch"
    archive.unpack(wheel.path, folder)
    scratch.mkdir()
    elves = (read_elf(folder / entry, entry) for entry in sorted(wheel.entries))
    record, fault = _read_record(folder / policy.build_record)
    lane = policy.lane(record.lane) if record is not None and wheel.name == policy.project else None
    return Evidence(
        wheel=wheel,
        folder=folder,
        scratch=scratch,
        elves=tuple(elf for elf in elves if elf is not None),
        record=record,
        record_fault=fault,
        lane=lane,
        bill=_read_bill(wheel, folder, lane, policy, tools) if lane is not None else None,
        policy=policy,
        tools=tools,
    )


def require_bill(evidence: Evidence) -> tuple[Bill, Lane]:
    """Return the bill of a wheel that must have one, and the lane that it is for."""
    if evidence.bill is not None and evidence.lane is not None:
        return evidence.bill, evidence.lane
    policy, lanes = evidence.policy, ", ".join(lane.name for lane in evidence.policy.lanes)
    raise AuditError(
        f"{evidence.wheel.path.name} has no device code that a bill could list",
        why=f"that takes {policy.binary}, and {policy.build_record} with one of the lanes {lanes}",
        fix="give a wheel that `nox -s build-wheel` made from this checkout",
    )


def _read_record(path: Path) -> tuple[BuildRecord | None, str]:
    if not path.is_file():
        return None, "there is no such file"
    try:
        return BuildRecord.model_validate_json(path.read_bytes()), ""
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in error.errors())
        return None, "; ".join(faults)


def _read_bill(wheel: Wheel, folder: Path, lane: Lane, policy: Policy, tools: Tools) -> Bill | None:
    """Read the bill of the one binary; None where that is missing or there is nothing to read it with."""
    binary = folder / policy.binary
    if tools.cuobjdump is None or not binary.is_file():
        return None
    return read_bill(
        binary,
        policy.binary,
        lane=lane.name,
        version=str(wheel.version),
        operators=policy.operators,
        cuobjdump=tools.cuobjdump,
        run=tools.run,
    )
