"""Causes from facts: what is wrong, in the order in which it is to be mended, each with what mends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from warpwright._refusal import REINSTALL
from warpwright.doctor import runtimes
from warpwright.doctor.facts import Copy, End, Facts, Metadata
from warpwright.doctor.sm_path import FORCED, chosen_path, forced_problem

CAN, CANNOT = "CUDA operators can run here", "CUDA operators cannot run here"
SHOWN = 5
"""Files that a sentence names; the others are counted."""

STEPS = {
    "start": ("the child process of the doctor", "start-ends", "check that this user may start processes"),
    "torch": ("the import of torch", "torch-ends", "reinstall it with `pip install --force-reinstall torch`"),
    "package": ("the import of warpwright", "package-ends", REINSTALL),
    "driver": ("the start of the NVIDIA driver", "driver-ends", "see `nvidia-smi` and the kernel's log"),
    "exit": ("a process that has imported torch and warpwright", "exit-ends", "report it with this whole report"),
    "gpus": ("torch's look at the GPUs", "gpus-ends", "see `nvidia-smi` and the kernel's log"),
}
"""A step of the child process: in words, the cause's name where it did not come to its end, and what to do."""

OTHER_STEP = ("a step of the doctor", "doctor-ends", "report it with this whole report")


@dataclass(frozen=True)
class Cause:
    """What is wrong, under a name that stays; ``blocks`` where CUDA operators cannot run for it."""

    id: str
    sentence: str
    blocks: bool = True


def causes(facts: Facts) -> tuple[Cause, ...]:
    """Return what is wrong: what blocks comes first, in the order of an import and then of a call."""
    found = sorted([*_told(facts), *_ends(facts), *_forced(facts)], key=lambda cause: not cause.blocks)
    if facts.seen.paths is None and not any(cause.blocks for cause in found):
        found.insert(0, Cause("not-seen", "the import of warpwright was not seen: the notes say what the doctor lacks"))
    found += [*_files(facts), *_metadata(facts)]
    return tuple({cause.sentence: cause for cause in found}.values())


def notes(facts: Facts) -> tuple[Cause, ...]:
    """Return what is odd: CUDA operators may run all the same."""
    parts = (_copies, _foreign, _runtimes, _label, _unserved, _shadowing, _unseen)
    return tuple(note for part in parts for note in part(facts))


def verdict(found: tuple[Cause, ...]) -> str:
    """Say whether CUDA operators can run, and where they cannot, why and what mends it."""
    first = next(iter(found), None)
    if first is None:
        return CAN
    return f"{CANNOT}: {first.sentence}" if first.blocks else f"{CAN}, but {first.sentence}"


def _told(facts: Facts) -> Iterator[Cause]:
    yield from (Cause(told.id, told.sentence) for told in (*facts.seen.told, *facts.package.told))


def _ends(facts: Facts) -> Iterator[Cause]:
    if facts.seen.end is not None:
        what, name, mend = STEPS.get(facts.seen.end.step, OTHER_STEP)
        at_its_exit = " at its exit" if facts.seen.end.step == "exit" else ""
        sentence = f"{what} {facts.seen.end.how}{at_its_exit}{_last_word(facts.seen.end)}: {mend}"
        yield Cause(name, sentence, blocks=not at_its_exit)


def _last_word(end: End) -> str:
    last = end.words.strip().splitlines()[-1:]
    return f" ({last[0].strip()[:200]})" if last else ""


def _forced(facts: Facts) -> Iterator[Cause]:
    if problem := forced_problem(facts.environment.get(FORCED)):
        yield Cause("forced-sm", problem)


def _files(facts: Facts) -> Iterator[Cause]:
    files, place = facts.package.files, Path(facts.package.folder).parent
    if files and files.missing:
        yield Cause(
            "missing-files", f"{_named(files.missing)} in {place} {_are(files.missing)} missing: {REINSTALL}", False
        )
    if files and files.damaged:
        yield Cause(
            "damaged-files",
            f"{_named(files.damaged)} in {place} {_are(files.damaged)} not as the wheel brought it: {REINSTALL}",
            False,
        )


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _are(names: tuple[str, ...]) -> str:
    return "is" if len(names) == 1 else "are"


def _metadata(facts: Facts) -> Iterator[Cause]:
    package = facts.package
    if not package.metadata and not any(each.editable for each in package.elsewhere):
        yield Cause(
            "no-metadata",
            f"no dist-info stands beside {package.folder}, so nothing tells which files belong to it: {REINSTALL}",
            False,
        )
    if len(package.metadata) == 1 and package.files is None and not package.metadata[0].editable:
        yield Cause(
            "no-record",
            f"{package.metadata[0].path} has no RECORD of these files, so nothing tells whether they are whole: "
            + REINSTALL,
            False,
        )
    if len(package.metadata) > 1:
        yield Cause("two-metadata", f"one folder has the metadata of {_all(package.metadata)}: {_afresh()}", False)
    version = package.metadata[0].version if len(package.metadata) == 1 else None
    if package.record and len(package.metadata) == 1 and version != package.record.version:
        yield Cause(
            "two-wheels",
            f"the installed files are of two wheels, {version or 'without a version'} by METADATA and "
            f"{package.record.version} by the binary: {REINSTALL}",
            False,
        )


def _all(found: tuple[Metadata | Copy, ...]) -> str:
    return " and ".join(f"{each.version or 'an unknown version'} ({each.path})" for each in found)


def _afresh() -> str:
    return "run `pip uninstall warpwright` until it finds none, then `pip install warpwright`"


def _copies(facts: Facts) -> Iterator[Cause]:
    if len(facts.package.copies) > 1:
        yield Cause(
            "two-copies",
            f"sys.path has {len(facts.package.copies)} copies of warpwright, {_all(facts.package.copies)}: the first "
            "is imported; remove the others, or their folders from sys.path",
            False,
        )
    if len(facts.torches) > 1:
        yield Cause(
            "two-torches",
            f"sys.path has the metadata of {len(facts.torches)} torch, {_all(facts.torches)}: the first is imported; "
            "remove the others",
            False,
        )


def _foreign(facts: Facts) -> Iterator[Cause]:
    files = facts.package.files
    if files and files.foreign:
        yield Cause(
            "foreign-files",
            f"{_named(files.foreign)} in {Path(facts.package.folder).parent} {_are(files.foreign)} not of this wheel: "
            "remove what you did not put there",
            False,
        )


def _runtimes(facts: Facts) -> Iterator[Cause]:
    cuda = facts.seen.torch.cuda if facts.seen.torch else None
    if sentence := runtimes.several(facts.seen.runtimes, cuda, facts.environment):
        yield Cause("two-runtimes", sentence, False)


def _label(facts: Facts) -> Iterator[Cause]:
    cuda = facts.seen.torch.cuda if facts.seen.torch else None
    version = facts.package.record.version if facts.package.record else ""
    label = version.partition("+")[2].partition(".")[0]
    if cuda and label.startswith("cu") and not label.startswith(f"cu{cuda.partition('.')[0]}"):
        yield Cause(
            "other-label",
            f"this wheel is labelled {label} and this torch is built with CUDA {cuda}: it runs where the driver serves "
            "both; a wheel of torch's own CUDA needs no newer driver than torch does",
            False,
        )


def _unserved(facts: Facts) -> Iterator[Cause]:
    forced, paths = facts.environment.get(FORCED), facts.seen.paths or {}
    served = {gpu for gpu in facts.seen.gpus if any(chosen_path(sms, gpu.sm, forced) for sms in paths.values())}
    for gpu in facts.seen.gpus if served else ():
        if gpu not in served:
            yield Cause(
                "unserved-gpu",
                f"cuda:{gpu.index}, {gpu.name}, is of SM {gpu.sm}, for which no operator has a path: leave it out with "
                "CUDA_VISIBLE_DEVICES",
                False,
            )


def _shadowing(facts: Facts) -> Iterator[Cause]:
    if facts.shadowing:
        yield Cause(
            "shadowed-modules",
            f"{_named(facts.shadowing)} {_are(facts.shadowing)} imported in place of Python's own: rename it, or start "
            "Python in another folder",
            False,
        )


def _unseen(facts: Facts) -> Iterator[Cause]:
    yield from (Cause("not-looked-at", f"the doctor could not look at {each}", False) for each in facts.unseen)
