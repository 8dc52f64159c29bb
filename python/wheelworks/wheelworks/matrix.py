"""The matrix: matrix.toml, parsed strictly once into frozen, typed rows."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import tomllib
from packaging.requirements import Requirement
from packaging.version import Version
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from wheelworks.errors import MatrixError
from wheelworks.proof import ProofKind

SM = re.compile(r"[1-9][0-9]{1,2}[a-z]?(-ptx)?")
PIN = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+")


def _is_sm(text: str) -> str:
    if SM.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no SM; expected for example 80, 90a or 80-ptx")
    return text


def _is_pin(text: str) -> str:
    if PIN.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no pinned package; expected name==version")
    Requirement(text)
    return text


def _is_inner_path(text: str) -> str:
    if PurePosixPath(text).is_absolute() or ".." in PurePosixPath(text).parts:
        raise ValueError(f"{text!r} leads out of the folder that it is in")
    return text


def _to_version(text: object) -> object:
    return Version(text) if isinstance(text, str) else text


def _no_duplicates(items: tuple[Any, ...]) -> tuple[Any, ...]:
    if repeated := sorted({str(item) for item in items if items.count(item) > 1}):
        raise ValueError(f"named twice: {', '.join(repeated)}")
    return items


Sm = Annotated[str, AfterValidator(_is_sm)]
Pin = Annotated[str, AfterValidator(_is_pin)]
InnerPath = Annotated[str, AfterValidator(_is_inner_path)]
ParsedVersion = Annotated[Version, BeforeValidator(_to_version)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Architecture = Literal["x86_64", "aarch64"]
Kib = Annotated[int, Field(gt=0)]
SmSet = Annotated[tuple[Sm, ...], Field(min_length=1), AfterValidator(_no_duplicates)]


def _key(name: str) -> str:
    return name.replace("_", "-")


class Row(BaseModel):
    """A table of matrix.toml; keys are written with hyphens, and an unknown one is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_key, arbitrary_types_allowed=True)


class Python(Row):
    """The Python side of the ABI."""

    abi: Annotated[str, Field(pattern=r"^cp3\d+$")]
    tested: tuple[ParsedVersion, ...]


class Torch(Row):
    """The torch releases: the oldest served, the one whose headers are used, and those tested."""

    floor: ParsedVersion
    headers: ParsedVersion
    headers_sha256: Sha256
    tested: tuple[ParsedVersion, ...]


class Release(Row):
    """What makes a release: the proofs that each wheel needs, where its index is, and how many nightlies are kept."""

    proofs: Annotated[tuple[ProofKind, ...], Field(min_length=1), AfterValidator(_no_duplicates)]
    url: Annotated[str, Field(pattern=r"^https?://[^/]+/([^?#]*/)?$")]
    nightlies: Annotated[int, Field(ge=1)]


class Source(Row):
    """Headers of another project, pinned by commit and by a package that carries the same files."""

    version: str
    license: str
    repository: str
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    package: Pin
    sha256: Annotated[tuple[Sha256, ...], Field(min_length=1)]
    root: InnerPath
    folders: Annotated[tuple[InnerPath, ...], Field(min_length=1)]
    tree_sha256: Sha256


class Tools(Row):
    """Build tools that every toolchain has, and the build backend."""

    packages: tuple[Pin, ...]
    backend: Pin


class Image(Row):
    """A container image, pinned by the digest that a registry gave for its name; without one nobody could ask it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9./_:-]*:[A-Za-z0-9._-]+$")]
    digest: Digest | None = None

    @property
    def reference(self) -> str:
        """What docker is given: the digest alone decides where there is one."""
        return f"{self.name.rpartition(':')[0]}@{self.digest}" if self.digest else self.name


class Base(Row):
    """The base of build containers: its kind names the Dockerfile, and the compiler is what is installed there."""

    kind: Literal["debian", "manylinux"]
    image: Image
    architectures: Annotated[tuple[Architecture, ...], Field(min_length=1), AfterValidator(_no_duplicates)]
    compiler: str

    @property
    def dockerfile(self) -> str:
        """The Dockerfile, from the project's folder."""
        return f"docker/{self.kind}.Dockerfile"


class BuildTools(Row):
    """What calls the compilers: uv, the backend and its imports."""

    packages: Annotated[tuple[Pin, ...], Field(min_length=1), AfterValidator(_no_duplicates)]
    lock: InnerPath


class Budget(Row):
    """What a wheel may weigh in KiB, the file and the code of each SM, and the kernels that may spill registers."""

    wheel: Kib
    sms: dict[Sm, Kib]
    may_spill: tuple[str, ...]


class Toolkit(Row):
    """A CUDA toolkit, the oldest driver that runs its code, and the SMs that its compiler knows.

    The packages of an embedded one are all of it. One of kind container comes with the build container, and its
    packages are the two readers of device code; ``image`` is where a base that has no such toolkit takes it from.
    """

    kind: Literal["embedded", "container"]
    cuda: ParsedVersion
    driver: ParsedVersion
    sms: SmSet
    packages: Annotated[tuple[Pin, ...], Field(min_length=1), AfterValidator(_no_duplicates)]
    lock: InnerPath
    image: Image | None = None


class LaneRow(Row):
    """A row of the lanes table, by the names of what it combines; ``base`` is for a toolkit of kind container."""

    toolkit: str
    sm_set: str
    architecture: Architecture
    base: str | None = None
    universal: bool = False
    test_only: bool = False

    @property
    def name(self) -> str:
        """The lane's name: the key in configuration, logs, artefacts, reports and tests."""
        if self.universal:
            return f"universal-{self.architecture}"
        return f"{self.toolkit}-{self.sm_set}-{self.architecture}"


class Matrix(Row):
    """The whole of matrix.toml."""

    schema_: Literal[1] = Field(alias="schema")
    python: Python
    torch: Torch
    sm_sets: dict[str, SmSet]
    operators: dict[str, SmSet]
    budget: Budget
    release: Release
    sources: dict[str, Source]
    tools: Tools
    build_tools: BuildTools
    bases: dict[str, Base]
    toolkits: dict[str, Toolkit]
    lanes: Annotated[tuple[LaneRow, ...], Field(min_length=1)]


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
