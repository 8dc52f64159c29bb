"""Rules on the bill: whose kernels are, what operators promise, registers that spill, sizes, and the bill's copies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase

from wheelworks.audit.evidence import Evidence, Outcome
from wheelworks.audit.finding import Finding, Rule, Skip
from wheelworks.bill import BILL, Bill, Kernel, accepted_path, find_growth, parse_bill, read_accepted
from wheelworks.errors import AuditError
from wheelworks.lanes import Lane
from wheelworks.sbom import NAME, plan_sbom, same_parts
from wheelworks.sm import Sm, words
from wheelworks.units import KERNELS, operators_of

RULES = (Rule.BILL, Rule.SBOM, Rule.UNOWNED_KERNEL, Rule.DIVIDED_KERNEL, Rule.SPILLS, Rule.SIZE)
KIB = 1024
SHOWN = 5


def check_bill(evidence: Evidence) -> Outcome:
    """Hold the device code against the matrix, and what the wheel says of it against the binary."""
    bill, lane = evidence.bill, evidence.lane
    if bill is None or lane is None:
        yield from (Skip(rule, _why_without(evidence)) for rule in RULES)
        return
    yield from _copies(evidence, bill, lane)
    yield from _owners(evidence, bill)
    yield from _divided(bill)
    yield from _promises(evidence, bill, lane)
    yield from _spills(evidence, bill)
    yield from _sizes(evidence, bill, lane)


def _why_without(evidence: Evidence) -> str:
    if not evidence.ours:
        return "the wheel has no lane to hold its device code against"
    return "the wheel names no lane of the matrix" if evidence.lane is None else "the wheel has no device code to read"


def _copies(evidence: Evidence, bill: Bill, lane: Lane) -> Outcome:
    """The bill and the SBOM in the wheel say what the binary and the matrix say."""
    fix = "build with `nox -s build-wheel`, which puts it into the wheel"
    if (found := _difference(evidence, bill)) is not None:
        yield Finding(BILL, Rule.BILL, found, f"the bill of {bill.binary}", fix)
    name = f"{evidence.wheel.dist_info}/{NAME}"
    path = evidence.folder / name
    expected = plan_sbom(bill.version, lane, evidence.policy.parts(lane), epoch=0)
    if not path.is_file():
        yield Finding(name, Rule.SBOM, "there is no such file", f"the parts of lane {lane.name}", fix)
    elif not same_parts(path.read_text(encoding="utf-8", errors="replace"), expected):
        parts = f"the parts of lane {lane.name}, by USES in {KERNELS} and by matrix.toml"
        yield Finding(name, Rule.SBOM, "other parts", parts, fix)


def _difference(evidence: Evidence, bill: Bill) -> str | None:
    path = evidence.folder / BILL
    if not path.is_file():
        return "there is no such file"
    try:
        inside = parse_bill(path.read_bytes(), BILL)
    except AuditError as error:
        return error.why
    if inside == bill:
        return None
    count = len(set(inside.kernels) ^ set(bill.kernels))
    return f"a bill of lane {inside.lane}, version {inside.version}, that differs in {count} kernels"


def _owners(evidence: Evidence, bill: Bill) -> Outcome:
    """Every kernel is of a unit whose operators the matrix has, every one."""
    units: dict[str, list[Kernel]] = defaultdict(list)
    for kernel in bill.kernels:
        if kernel.operator is None:
            units[kernel.unit].append(kernel)
    for unit, kernels in sorted(units.items()):
        unknown = [name or "the operator" for name in operators_of(unit) if name not in evidence.policy.operators]
        found = f"{len(kernels)} kernels of unit {unit or 'without name'}, such as {kernels[0].place}"
        expected = "units of csrc/kernels.cmake, named OPERATOR or OPERATOR_smNN, and +OPERATOR for each that shares it"
        fix = f"add {_joined(unknown)} to [operators] in matrix.toml, and the unit by warpwright_add_kernel"
        yield Finding(bill.binary, Rule.UNOWNED_KERNEL, found, expected, fix)


def _divided(bill: Bill) -> Outcome:
    """No kernel has code for some SMs in one unit and for others in another one.

    The linker may keep one host function for both (its symbol is weak with compilers before CUDA 13), and the runtime
    then looks for every SM's code in one of the units: "no kernel image is available", on the SMs of the other.
    """
    places: dict[str, dict[str, list[Kernel]]] = defaultdict(lambda: defaultdict(list))
    for kernel in bill.kernels:
        places[kernel.symbol][kernel.launch].append(kernel)
    for units in places.values():
        sms = {unit: sorted({Sm.parse(kernel.sm) for kernel in kernels}) for unit, kernels in sorted(units.items())}
        if any(found != next(iter(sms.values())) for found in sms.values()):
            title = next(iter(units.values()))[0].title
            found = f"{title} is in {_joined(f'unit {unit} for SM {words(each)}' for unit, each in sms.items())}"
            fix = "give the kernel a template argument that differs in each unit, such as the unit's SM"
            yield Finding(bill.binary, Rule.DIVIDED_KERNEL, found, "each unit of a kernel for the same SMs", fix)


def _promises(evidence: Evidence, bill: Bill, lane: Lane) -> Outcome:
    """Every operator has code for every SM that the matrix promises, as far as the lane carries the SM."""
    for operator, promised in sorted(evidence.policy.operators.items()):
        found = {Sm.parse(kernel.sm) for kernel in bill.kernels if operator in kernel.operators}
        for word in lane.sm_set:
            sm = Sm.parse(word)
            if word.removesuffix("-ptx") in promised and not any(code.covers(sm) for code in found):
                fix = f"list SM {word} for a unit of {operator} in csrc/kernels.cmake, or promise less in matrix.toml"
                expected = f"{operator} for {word}, by [operators] in matrix.toml"
                yield Finding(bill.binary, Rule.SM_MISSING, f"{operator} for {words(found)}", expected, fix)


def _spills(evidence: Evidence, bill: Bill) -> Outcome:
    """No kernel spills registers but those that may; where the compiler wrote nothing down, none has a stack."""
    fix = "give the kernel fewer live values or more registers, or name it in budget.may-spill in matrix.toml"
    for kernel in bill.kernels:
        if any(fnmatchcase(kernel.title, pattern) for pattern in evidence.policy.budget.may_spill):
            continue
        if kernel.spills:
            found = f"{kernel.place}: {kernel.spills} instructions spill or refill, stack of {kernel.stack} bytes"
            yield Finding(bill.binary, Rule.SPILLS, found, "no spills", fix)
        elif kernel.spills is None and kernel.stack:
            found = f"{kernel.place}: stack of {kernel.stack} bytes, from a compiler that does not note spills"
            yield Finding(bill.binary, Rule.SPILLS, found, "no stack", fix)


def _sizes(evidence: Evidence, bill: Bill, lane: Lane) -> Outcome:
    """The file and the code of each SM are within the matrix's budget."""
    if lane.test_only:
        yield Skip(Rule.SIZE, "a test-only lane has no budget")
        return
    budget, wheel = evidence.policy.budget, evidence.wheel.path
    if (size := wheel.stat().st_size) > budget.wheel * KIB:
        found = f"{_kib(size)} KiB{_grown(evidence, bill, None)}"
        yield _size_finding(wheel.name, found, f"at most {budget.wheel} KiB, by budget.wheel in matrix.toml")
    for sm in map(str, bill.sms):
        size = sum(kernel.bytes for kernel in bill.kernels if kernel.sm == sm)
        limit = budget.sms.get(sm)
        if limit is not None and size > limit * KIB:
            found = f"{_kib(size)} KiB for SM {sm}{_grown(evidence, bill, sm)}"
            yield _size_finding(bill.binary, found, f"at most {limit} KiB, by budget.sms in matrix.toml")


def _grown(evidence: Evidence, bill: Bill, sm: str | None) -> str:
    """Say which rows grew most since the last accepted bill."""
    folder = evidence.tools.accepted_bills
    accepted = read_accepted(folder, bill.lane) if folder is not None else None
    since = f"since {accepted_path(folder, bill.lane).name}" if accepted and folder else "with no accepted bill"
    rows = find_growth(bill, accepted, sm)
    return f"; grew most, {since}: {_joined(map(str, rows[:SHOWN]))}"


def _size_finding(artefact: str, found: str, expected: str) -> Finding:
    fix = "drop variants that no shape uses, or raise the budget in matrix.toml with the reason in the commit"
    return Finding(artefact, Rule.SIZE, found, expected, fix)


def _kib(size: int) -> str:
    return f"{size / KIB:.0f}"


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(texts) or "nothing"
