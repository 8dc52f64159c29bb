"""The matrix: matrix.toml, parsed strictly once into frozen, typed rows."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import tomllib
from pydantic import Field, ValidationError

from wheelworks.errors import MatrixError
from wheelworks.matrix_rows import (
    Base,
    Budget,
    BuildTools,
    Families,
    Image,
    LaneRow,
    Python,
    Release,
    Row,
    SmSet,
    Source,
    Toolkit,
    Tools,
    Torch,
)


class Matrix(Row):
    """The whole of matrix.toml."""

    schema_: Literal[1] = Field(alias="schema")
    families: Families
    python: Python
    torch: Torch
    sm_sets: dict[str, SmSet]
    promises: Annotated[dict[str, SmSet], Field(min_length=1)]
    promise_of: dict[str, str] = Field(alias="operators")
    budget: Budget
    release: Release
    sources: dict[str, Source]
    tools: Tools
    build_tools: BuildTools
    bases: dict[str, Base]
    toolkits: dict[str, Toolkit]
    lanes: Annotated[tuple[LaneRow, ...], Field(min_length=1)]

    @property
    def operators(self) -> dict[str, SmSet]:
        """The SMs that each operator is promised for."""
        return {name: self.promises[promise] for name, promise in self.promise_of.items()}


def load_matrix(path: Path) -> Matrix:
    """Read and check a matrix file; all that is wrong with it is told at once."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise MatrixError(f"cannot read {path}", why=str(error), fix="run from the project's folder") from error
    except tomllib.TOMLDecodeError as error:
        raise MatrixError(f"{path} is no TOML", why=str(error), fix="mend the line that the message names") from error
    return parse_matrix(data, name=path.name)


def parse_matrix(data: dict[str, Any], *, name: str = "matrix.toml") -> Matrix:
    """Turn the parsed TOML into a Matrix, or raise MatrixError with every fault."""
    try:
        matrix = Matrix.model_validate(data)
    except ValidationError as error:
        faults = [_describe(fault) for fault in error.errors()]
        raise MatrixError(f"{name} is refused", why="; ".join(faults), fix=f"mend {name}") from error
    if crossed := list(_cross_faults(matrix)):
        raise MatrixError(f"{name} is refused", why="; ".join(crossed), fix=f"mend {name}")
    return matrix


def nearest(word: str, known: list[str]) -> str:
    """Name the known word that a wrong one most likely meant, else all known ones."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"


def _describe(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown key, {nearest(str(fault['loc'][-1]), _keys_at(fault['loc'][:-1]))}"
    return f"{where}: {fault['msg'].removeprefix('Value error, ')} (found {fault['input']!r})"


def _keys_at(location: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the table at a location of the file may have."""
    rows: dict[str, type[Row]] = {
        "python": Python, "torch": Torch, "budget": Budget, "release": Release, "sources": Source, "tools": Tools,
        "toolkits": Toolkit, "lanes": LaneRow,
        "build-tools": BuildTools, "bases": Base, "image": Image,
    }  # fmt: skip
    row = rows.get(str(location[-1])) or rows[str(location[0])] if location else Matrix
    return [field.alias or key for key, field in row.model_fields.items()]


def _cross_faults(matrix: Matrix) -> Iterator[str]:
    yield from _promise_faults(matrix)
    names = [lane.name for lane in matrix.lanes]
    for index, lane in enumerate(matrix.lanes):
        where = f"lanes.{index}"
        if lane.name in names[:index]:
            yield f"{where}: a second lane named {lane.name!r}; a lane's name is unique"
        if lane.toolkit not in matrix.toolkits:
            yield f"{where}.toolkit: no toolkit {lane.toolkit!r}, {nearest(lane.toolkit, list(matrix.toolkits))}"
        if lane.sm_set not in matrix.sm_sets:
            yield f"{where}.sm-set: no SM set {lane.sm_set!r}, {nearest(lane.sm_set, list(matrix.sm_sets))}"
        elif lane.toolkit in matrix.toolkits:
            yield from _sm_faults(where, lane, matrix)
            yield from _container_faults(where, lane, matrix)
    released = {sm for row in matrix.lanes if not row.test_only for sm in matrix.sm_sets.get(row.sm_set, ())}
    if without := sorted(released - set(matrix.budget.sms)):
        yield f"budget.sms: no budget for SM {' '.join(without)}, which a released lane carries"
    if matrix.tools.backend not in matrix.build_tools.packages:
        yield f"build-tools.packages: lacks {matrix.tools.backend!r}, which tools.backend names"
    if "build" not in matrix.release.proofs:
        yield "release.proofs: lacks 'build', the proof that names a wheel's commit"
    if matrix.torch.headers < matrix.torch.floor:
        yield f"torch.headers: {matrix.torch.headers} is older than the floor {matrix.torch.floor}"


def _promise_faults(matrix: Matrix) -> Iterator[str]:
    for operator, name in matrix.promise_of.items():
        if name not in matrix.promises:
            yield f"operators.{operator}: no promise {name!r}, {nearest(name, list(matrix.promises))}"
    named: dict[frozenset[str], str] = {}
    for name, sms in matrix.promises.items():
        if (first := named.setdefault(frozenset(sms), name)) != name:
            yield f"promises.{name}: the SMs of {first!r}; equal promises share a name"
        if name not in matrix.promise_of.values():
            yield f"promises.{name}: no operator names it"


def _container_faults(where: str, lane: LaneRow, matrix: Matrix) -> Iterator[str]:
    toolkit = matrix.toolkits[lane.toolkit]
    if lane.universal and (toolkit.cuda.major, lane.sm_set) != (12, "all"):
        found = f"this is CUDA {toolkit.cuda}, {lane.sm_set!r}"
        yield f"{where}: a universal wheel is built with CUDA 12 for the set 'all', {found}"
    if (lane.base is not None) != (toolkit.kind == "container"):
        yield f"{where}.base: {lane.base!r}, and toolkit {lane.toolkit!r} is {toolkit.kind}; a container one has a base"
    elif lane.base is not None and lane.base not in matrix.bases:
        yield f"{where}.base: no base {lane.base!r}, {nearest(lane.base, list(matrix.bases))}"
    elif lane.base is not None and lane.architecture not in matrix.bases[lane.base].architectures:
        yield f"{where}.base: {lane.base!r} is not for {lane.architecture}"


def _sm_faults(where: str, lane: LaneRow, matrix: Matrix) -> Iterator[str]:
    toolkit = matrix.toolkits[lane.toolkit]
    for sm in matrix.sm_sets[lane.sm_set]:
        bare = sm.removesuffix("-ptx")
        if bare not in toolkit.sms:
            yield (
                f"{where}: SM {bare} of the set {lane.sm_set!r} is none that CUDA {toolkit.cuda} compiles, "
                f"{nearest(bare, list(toolkit.sms))}"
            )
