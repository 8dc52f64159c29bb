"""The rows of matrix.toml: what each of its tables may say, as frozen, typed models."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from packaging.requirements import Requirement
from packaging.version import Version
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

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
Family = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
Families = Annotated[tuple[Family, ...], Field(min_length=1), AfterValidator(_no_duplicates)]
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
