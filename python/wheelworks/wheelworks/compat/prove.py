"""One wheel's table, made on this machine and kept beside the wheel as its proof."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.version import Version
from pydantic import ValidationError

from wheelworks import archive, files
from wheelworks.audit.evidence import BuildRecord
from wheelworks.compat.cell import Setting, try_cell
from wheelworks.compat.model import Cell, Compat, Verdict
from wheelworks.compat.plan import Slot
from wheelworks.compat.run import kept_cells, make_table
from wheelworks.compat.symbols import Static
from wheelworks.elf import symbols_of
from wheelworks.errors import CompatError
from wheelworks.lanes import Lane, machine_architecture
from wheelworks.policy import Policy
from wheelworks.proof import proof_path, read_proof, write_proof
from wheelworks.wheel import read_wheel


@dataclass(frozen=True)
class Subject:
    """A wheel of this project: what it says of itself, and what its extension must get from torch and Python."""

    lane: Lane
    version: str
    needed: frozenset[str]


def read_subject(wheel: Path, policy: Policy) -> Subject:
    """Read a wheel; one that no lane of this checkout made is a CompatError."""
    read = read_wheel(wheel)
    with TemporaryDirectory(prefix="wheelworks-compat-") as work:
        folder = Path(work) / "unpacked"
        archive.unpack(wheel, folder)
        try:
            record = BuildRecord.model_validate_json((folder / policy.build_record).read_bytes())
            lane = policy.lane(record.lane)
            needed = symbols_of(folder / policy.binary, policy.binary).needed
        except (OSError, ValidationError) as error:
            raise _foreign(wheel, policy, str(error)) from error
    if lane is None:
        raise _foreign(wheel, policy, f"it is of the lane {record.lane!r}")
    return Subject(lane, str(read.version), needed)


def prove_wheel(
    wheel: Path,
    slots: Sequence[Slot],
    policy: Policy,
    setting: Setting,
    *,
    resume: bool = False,
    on_cell: Callable[[Cell], object] = lambda _: None,
) -> Compat:
    """Fill the wheel's table, from a copy that nobody changes meanwhile; the proof is written after each cell."""
    subject = read_subject(wheel, policy)
    setting = replace(setting, version=subject.version, operators=frozenset(policy.operators))
    digest = files.sha256_of(wheel)
    empty = Compat(wheel=wheel.name, sha256=digest, lane=subject.lane.name, version=subject.version, cells=())
    done = kept_cells(read_proof(wheel, Compat), slots) if resume and proof_path(wheel, Compat.KIND).exists() else {}
    with TemporaryDirectory(dir=setting.scratch, prefix="wheel-") as folder:
        copy = Path(folder) / wheel.name
        files.place(wheel, copy, sha256=digest)
        static = Static(
            subject.needed, _limited_api(policy), subject.lane.architecture, setting.scratch, setting.run,
            setting.on_line,
        )  # fmt: skip

        def attempt(slot: Slot) -> Cell:
            cell = static.stand_in(_elsewhere(subject.lane, slot) or try_cell(copy, slot, setting))
            on_cell(cell)
            return cell

        return make_table(empty, slots, done=done, attempt=attempt, keep=lambda table: write_proof(wheel, table))


def _elsewhere(lane: Lane, slot: Slot) -> Cell | None:
    """Return the cell of a wheel that this machine's processor cannot run."""
    if lane.architecture == (here := machine_architecture()):
        return None
    why = f"the wheel is for {lane.architecture}, and this machine is {here}"
    return Cell(python=str(slot.python), torch=str(slot.torch), verdict=Verdict.NOT_TESTED, why=why)


def _limited_api(policy: Policy) -> Version:
    """Return the Python of an ABI tag: cp310 is 3.10."""
    return Version(f"3.{policy.abi.removeprefix('cp3')}")


def _foreign(wheel: Path, policy: Policy, why: str) -> CompatError:
    fix = f"give a wheel that `nox -s build-wheel` made: it has {policy.binary} and {policy.build_record}"
    return CompatError(f"{wheel.name} is of no lane that has a table", why=why, fix=fix)
