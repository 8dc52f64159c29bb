"""Rules on the two ABIs: CPython's limited API, by abi3audit, and libtorch's stable ABI, by torch-abi-audit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version
from pydantic import BaseModel
from torch_abi_audit import TorchABIVerdict, inspect_extension

from wheelworks.audit.evidence import Evidence, Outcome
from wheelworks.audit.external import ask_module, failed, parse_answer
from wheelworks.audit.finding import Finding, Rule, Skip
from wheelworks.elf import Elf
from wheelworks.errors import AuditError

INTERPRETER = re.compile(r"cp3(\d+)")
ONE_PYTHON = re.compile(r"\.cpython-\d+")
SHIM = re.compile(r"(aoti_)?torch_")
SHOWN = 5


class Abi3Result(BaseModel):
    """abi3audit's verdict on one file."""

    is_abi3: bool
    is_abi3_baseline_compatible: bool
    computed: str
    non_abi3_symbols: tuple[str, ...]
    future_abi3_objects: dict[str, str]


class Abi3Object(BaseModel):
    """One file in abi3audit's report."""

    result: Abi3Result


class Abi3Spec(BaseModel):
    """One argument in abi3audit's report; a library given by its path is an object."""

    object: Abi3Object


class Abi3Report(BaseModel):
    """What ``abi3audit --report`` writes."""

    specs: dict[str, Abi3Spec]


def check_limited_api(evidence: Evidence) -> Outcome:
    """A wheel tagged abi3 uses the limited API of its Python, and of no newer one."""
    minors = [int(found[1]) for tag in evidence.wheel.tags if (found := _abi3_python(tag.interpreter, tag.abi))]
    if not minors:
        yield Skip(Rule.LIMITED_API, "the wheel is not tagged abi3")
        return
    baseline = f"3.{min(minors)}"
    elves = [elf for elf in evidence.elves if elf.path.suffix == ".so"]
    fix = "compile with Py_LIMITED_API set to the wheel's Python, and name the file .abi3.so"
    for elf in elves:
        if ONE_PYTHON.search(elf.path.name):
            yield Finding(elf.entry, Rule.LIMITED_API, "a file name for one Python", "a name with .abi3.so", fix)
    for elf, result in _ask_abi3audit(evidence, elves, baseline):
        wrong = sorted({*result.non_abi3_symbols, *(f"{k} ({v})" for k, v in result.future_abi3_objects.items())})
        if wrong:
            yield Finding(elf.entry, Rule.LIMITED_API, _some(wrong), f"the limited API of Python {baseline}", fix)


def check_torch_abi(evidence: Evidence) -> Outcome:
    """No symbol outside the stable ABI, and the oldest torch that has them all is the one that METADATA asks for."""
    unstable, floors = False, []
    for elf in evidence.elves:
        verdict = _ask_torch_abi_audit(elf)
        if verdict.unstable_symbols:
            unstable = True
            fix = "call torch through torch/csrc/stable and the aoti_torch_ functions alone"
            found = _some(verdict.unstable_symbols)
            yield Finding(elf.entry, Rule.TORCH_SYMBOLS, found, "the libtorch stable ABI", fix)
        elif verdict.min_torch_version is not None:
            floors.append(_minor(Version(verdict.min_torch_version)))
    if unstable:
        yield Skip(Rule.TORCH_FLOOR, "code outside the stable ABI has no floor: it runs on the torch it was built for")
    else:
        yield from _check_floor(evidence, max(floors, default=None))


def _check_floor(evidence: Evidence, computed: Version | None) -> Outcome:
    stated = _torch_floor(evidence.wheel.requires)
    metadata = f"{evidence.wheel.dist_info}/METADATA"
    if evidence.ours:
        floor = _minor(evidence.policy.torch_floor)
        if computed != floor:
            found = f"symbols of torch {computed or 'of no version'}"
            fix = "set TORCH_TARGET_VERSION to the floor, and matrix.toml to what the operators need"
            yield Finding(evidence.wheel.path.name, Rule.TORCH_FLOOR, found, f"symbols of torch {floor}", fix)
        if stated != floor:
            fix = "make the torch dependency in pyproject.toml equal to torch.floor in matrix.toml"
            yield Finding(metadata, Rule.TORCH_FLOOR, f"torch>={stated}", f"torch>={floor}", fix)
    elif computed is None:
        yield Skip(Rule.TORCH_FLOOR, "the wheel uses nothing of torch")
    elif stated is None or stated < computed:
        fix = "require the torch that has the symbols"
        yield Finding(metadata, Rule.TORCH_FLOOR, f"torch>={stated or 'any'}", f"torch>={computed}", fix)


def _ask_abi3audit(evidence: Evidence, elves: Sequence[Elf], baseline: str) -> list[tuple[Elf, Abi3Result]]:
    """Return the unpacked files one by one: a report on the wheel names files without their folders."""
    if not elves:
        return []
    report = evidence.scratch / "abi3audit.json"
    paths = [elf.path for elf in elves]
    options: list[str | Path] = ["--assume-minimum-abi3", baseline, "--report", "--output", report]
    done = ask_module(evidence.tools.run, "abi3audit", [*options, "--", *paths])
    text = report.read_text(encoding="utf-8") if report.is_file() else ""
    specs = parse_answer(Abi3Report, text, done).specs
    if missing := [elf.entry for elf in elves if str(elf.path) not in specs]:
        raise failed(done, f"it has no verdict on {', '.join(missing)}")
    return [(elf, specs[str(elf.path)].object.result) for elf in elves]


def _ask_torch_abi_audit(elf: Elf) -> TorchABIVerdict:
    """Ask the library, which is typed and public. It takes a file that it cannot read for one without symbols."""
    report = inspect_extension(elf.path)
    verdict = report.torch
    why = report.error
    if why is None and not verdict.uses_torch and any(map(SHIM.match, elf.undefined)):
        why = "it sees no symbol of torch, and the file needs some"
    if why is None and verdict.unknown_shim_symbols:
        why = f"it does not know {_some(verdict.unknown_shim_symbols)}"
    if why is not None:
        raise AuditError(f"torch-abi-audit gave no verdict on {elf.entry}", why=why, fix="update torch-abi-audit")
    return verdict


def _torch_floor(requires: Sequence[Requirement]) -> Version | None:
    for requirement in requires:
        if requirement.name.lower() == "torch" and requirement.marker is None:
            floors = [Version(spec.version) for spec in requirement.specifier if spec.operator in (">=", "~=", "==")]
            return max(map(_minor, floors), default=None)
    return None


def _abi3_python(interpreter: str, abi: str) -> re.Match[str] | None:
    return INTERPRETER.fullmatch(interpreter) if abi == "abi3" else None


def _minor(version: Version) -> Version:
    return Version(f"{version.major}.{version.minor}")


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(name if len(name) <= 120 else f"{name[:117]}..." for name in names[:SHOWN])
    return f"{len(names)} symbols: {shown}{', ...' if len(names) > SHOWN else ''}"
