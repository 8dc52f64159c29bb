"""Gaps: what an operator's room lacks, or has too much, each with the file or row to add."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from wheelworks.rooms import Mention, Project, Where, has_contract, read_mentions
from wheelworks.units import KERNELS

FOLDERS = ("csrc/{family}", "include/warpwright/{family}", "python/warpwright/{family}")


@dataclass(frozen=True, order=True)
class Gap:
    """One thing that does not fit: where, and what to do there."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def find_gaps(project: Project) -> tuple[Gap, ...]:
    """Return all that does not fit between the places that know operators, sorted."""
    mentions = read_mentions(project)
    rooms: defaultdict[str, list[Mention]] = defaultdict(list)
    for mention in mentions:
        rooms[mention.operator].append(mention)
    found = [gap for operator, known in rooms.items() for gap in _room_gaps(operator, known)]
    found += [
        *_wrapper_gaps(project, rooms),
        *_module_gaps(project),
        *_family_gaps(project, mentions),
        *_unit_gaps(project),
        *_sm_gaps(project),
    ]
    return tuple(sorted(set(found)))


def _room_gaps(operator: str, known: Sequence[Mention]) -> Iterator[Gap]:
    """Return what an operator lacks that some place knows."""
    if all(mention.where == Where.PAGE for mention in known):
        yield Gap(known[0].path, f"no operator is named {operator}: remove the page, or add the operator")
        return
    families = sorted({mention.family for mention in known if mention.family})
    if len(families) > 1:
        places = ", ".join(f"{mention.path} ({mention.family})" for mention in known if mention.family)
        yield Gap(places, f"{operator} is of one family: move it to one")
    family = families[0] if families else "FAMILY"
    by = ", ".join(sorted({mention.path for mention in known}))
    for where in sorted(set(Where) - {mention.where for mention in known}):
        yield Gap(where.format(family=family, operator=operator), f"{_wanted(where, operator)}; it is known to {by}")


def _wanted(where: Where, operator: str) -> str:
    if where == Where.PROMISE:
        return f"add a row `{operator}` to [operators]"
    if where == Where.UNIT:
        return f"add a row warpwright_add_kernel({operator} ...), or name it behind ALSO in the row that it shares"
    if where == Where.PAGE:
        return f"write the page of {operator} by `nox -s operator-pages -- WHEEL`"
    return f"add the file of {operator}"


def _wrapper_gaps(project: Project, rooms: Mapping[str, Sequence[Mention]]) -> Iterator[Gap]:
    for path, registered in project.wrappers():
        name, here = path.stem, path.relative_to(project.folder).as_posix()
        if name in rooms and name not in registered:
            yield Gap(here, f"end with WARPWRIGHT_OPERATOR({name}, ...)")
        for other in registered:
            if other != name:
                yield Gap(here, f"registers {other}: move that to {path.with_stem(other).name}")
        if registered and path.parent.name not in project.families:
            yield Gap("matrix.toml", f"add {path.parent.name!r} to families, or move {here} to one of them")


def _module_gaps(project: Project) -> Iterator[Gap]:
    for path in project.modules():
        if not has_contract(path):
            yield Gap(path.relative_to(project.folder).as_posix(), "assign its CONTRACT, or begin the name with _")


def _family_gaps(project: Project, mentions: Sequence[Mention]) -> Iterator[Gap]:
    """Return the folders that a family lacks; a package without operators may hold names for callers."""
    lived_in = {mention.family for mention in mentions}
    for family in project.families:
        folders = [folder.format(family=family) for folder in FOLDERS]
        there = [folder for folder in folders if (project.folder / folder).is_dir()]
        if family in lived_in or set(there) & set(folders[:2]):
            for folder in sorted(set(folders) - set(there)):
                yield Gap(
                    folder, f"add the folder of the family {family}; there is {', '.join(there) or 'a row of it'}"
                )


def _unit_gaps(project: Project) -> Iterator[Gap]:
    """Return the operators that two rows name for one SM: a path table has one launch function for each."""
    served: dict[tuple[str, str], str] = {}
    for unit in project.units():
        for operator, sm in product(unit.operators, unit.sms):
            if (other := served.setdefault((operator, sm), unit.launch)) != unit.launch:
                what = f"{operator} is named twice for SM {sm}: take it from {other} or from {unit.launch}"
                yield Gap(str(KERNELS), what)


def _sm_gaps(project: Project) -> Iterator[Gap]:
    served: defaultdict[str, set[str]] = defaultdict(set)
    for unit in project.units():
        for operator in unit.operators:
            served[operator].update(unit.sms)
    for operator in sorted(served.keys() & project.promised.keys()):
        promised = set(project.promised[operator])
        if lacking := sorted(promised - served[operator]):
            yield Gap(str(KERNELS), f"add a unit of {operator} for SM {' '.join(lacking)}, as matrix.toml promises")
        if more := sorted(served[operator] - promised):
            yield Gap("matrix.toml", f"promise {operator} for SM {' '.join(more)}, which its units serve")
