"""The report in lines: what the wheel holds, what the machine has, what is odd, and the verdict as the last line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from warpwright import bill
from warpwright.doctor.causes import Cause, verdict
from warpwright.doctor.facts import Facts, Gpu, Metadata, Package, Seen
from warpwright.doctor.machine import STARTED, cuda_words
from warpwright.doctor.sm_path import FORCED, chosen_path


def version_of(facts: Facts) -> str:
    """Return this package's version: the binary's, or else what an import or METADATA says."""
    package = facts.package
    said = [each.version for each in package.metadata]
    versions = [package.record.version if package.record else None, facts.seen.version, *said]
    return next((version for version in versions if version), "of an unknown version")


def lines(facts: Facts, causes: tuple[Cause, ...], notes: Sequence[Cause]) -> Iterator[str]:
    """Describe the wheel, the machine, and whether the two fit."""
    yield f"warpwright {version_of(facts)}"
    yield from _wheel_lines(facts.package, facts.seen)
    yield from _path_lines(facts.seen)
    yield from _bill_lines(facts.package)
    yield "this machine"
    yield from _machine_lines(facts)
    yield from _gpu_lines(facts)
    yield from _last_words(facts.seen)
    yield from (f"problem: {cause.sentence}" for cause in causes[1:])
    yield from (f"note: {note.sentence}" for note in notes)
    yield verdict(causes)


def _wheel_lines(package: Package, seen: Seen) -> Iterator[str]:
    yield f"  files       {package.folder}"
    yield f"  extension   {seen.library or 'not loaded'}"
    yield from (f"  metadata    {_named(each)}" for each in package.metadata)
    yield from (f"  elsewhere   {_named(each)}" for each in package.elsewhere)
    record = package.record
    if record is None:
        yield "  lane        unknown"
        return
    yield f"  lane        {record.lane} ({record.build_type})"
    yield f"  CUDA        {record.cuda} (nvcc {record.nvcc}), runtime linked in"
    yield f"  SM set      {' '.join(record.sm_set)}"
    yield f"  CUTLASS     {record.cutlass}"
    yield f"  FlashInfer  {record.flashinfer}"


def _named(metadata: Metadata) -> str:
    editable = ", editable" if metadata.editable else ""
    return f"{metadata.version or 'no version'}, {metadata.path}{editable}"


def _path_lines(seen: Seen) -> Iterator[str]:
    if seen.paths is not None:
        yield "  SM paths"
        yield from (f"    {operator:<24}{' '.join(sms) or 'none'}" for operator, sms in sorted(seen.paths.items()))


def _bill_lines(package: Package) -> Iterator[str]:
    try:
        rows = list(bill.table_lines(package.record.sm_set if package.record else ()))
    except bill.BillError as error:
        rows = [str(error)]
    yield from (f"  {row}" for row in rows)


def _machine_lines(facts: Facts) -> Iterator[str]:
    yield f"  Python      {facts.python.version}, {facts.python.executable or 'no executable'}"
    yield f"  system      {facts.system.name} {facts.system.machine}, {facts.system.libc or 'no glibc'}"
    yield f"  torch       {_torch_words(facts)}"
    yield f"  driver      {_driver_words(facts.seen)}"
    for runtime in facts.seen.runtimes:
        yield f"  runtime     CUDA {runtime.major}, {runtime.path} ({runtime.owner or 'of no installed package'})"
    yield f"  forced SM   {facts.environment.get(FORCED) or 'none'} ({FORCED})"
    for name, value in facts.environment.items():
        if name != FORCED:
            yield f"  variable    {name}={value}"


def _torch_words(facts: Facts) -> str:
    torch = facts.seen.torch
    if torch is None:
        return "not imported"
    cuda = f"CUDA {torch.cuda}" if torch.cuda else "no CUDA"
    return f"{torch.version or 'no version'} ({cuda}), {torch.path}"


def _driver_words(seen: Seen) -> str:
    driver = seen.driver
    if driver is None:
        return "not looked at"
    if not driver.version:
        return "none found"
    answer = "" if driver.answer == STARTED else f", which does not start: {driver.answer}"
    return f"serves CUDA up to {cuda_words(driver.version)}, {driver.path or 'of an unknown path'}{answer}"


def _gpu_lines(facts: Facts) -> Iterator[str]:
    if not facts.seen.gpus:
        yield "  GPUs        none"
    for gpu in facts.seen.gpus:
        yield f"  cuda:{gpu.index}      {gpu.name}, SM {gpu.sm}"
        yield from _chosen_lines(gpu, facts)


def _chosen_lines(gpu: Gpu, facts: Facts) -> Iterator[str]:
    for operator, sms in sorted((facts.seen.paths or {}).items()):
        yield f"    {operator:<24}{chosen_path(sms, gpu.sm, facts.environment.get(FORCED)) or 'no path'}"


def _last_words(seen: Seen) -> Iterator[str]:
    if seen.end and seen.end.words.strip():
        yield "last words of the child process"
        yield from (f"  {line}" for line in seen.end.words.splitlines())
