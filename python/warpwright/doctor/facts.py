"""What the doctor looks at. What could not be looked at is None, and says why in ``Facts.unseen``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from warpwright._record import BuildRecord


@dataclass(frozen=True)
class Told:
    """Something that is wrong, in one sentence with what mends it, under a name that stays."""

    id: str
    sentence: str


@dataclass(frozen=True)
class Interpreter:
    """The Python that runs, and where it looks for modules."""

    version: str
    executable: str
    prefix: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class System:
    """The operating system; ``libc`` is such as ``glibc 2.36``."""

    name: str
    machine: str
    libc: str | None


@dataclass(frozen=True)
class Metadata:
    """A ``*.dist-info`` folder: a distribution that is installed, or was."""

    path: str
    version: str | None
    editable: bool


@dataclass(frozen=True)
class Copy:
    """A folder of this package on the interpreter's path."""

    path: str
    version: str | None


@dataclass(frozen=True)
class Files:
    """The installed files held against RECORD: paths as they stand there."""

    checked: int
    damaged: tuple[str, ...]
    missing: tuple[str, ...]
    foreign: tuple[str, ...]


@dataclass(frozen=True)
class Package:
    """This package as it is installed; ``metadata`` has those beside it, ``elsewhere`` the others on the path.

    ``told`` is what an import would be refused for once it came to this package's own files.
    """

    folder: str
    library: str
    record: BuildRecord | None
    copies: tuple[Copy, ...]
    metadata: tuple[Metadata, ...]
    elsewhere: tuple[Metadata, ...]
    files: Files | None
    told: tuple[Told, ...]


@dataclass(frozen=True)
class Torch:
    """The module that is imported as torch."""

    version: str | None
    path: str | None
    cuda: str | None


@dataclass(frozen=True)
class Driver:
    """The NVIDIA driver: the newest CUDA that it serves, 13020 for 13.2, and what it answers when it is started."""

    version: int
    path: str | None
    answer: str | None


@dataclass(frozen=True)
class Gpu:
    """A GPU that torch sees."""

    index: int
    name: str
    sm: int


@dataclass(frozen=True)
class Runtime:
    """A CUDA runtime that the process has loaded, and the installed distribution whose RECORD lists its file."""

    path: str
    major: int
    owner: str | None


@dataclass(frozen=True)
class End:
    """How the child process ended where it did not end by itself: at which step, how, and its last words."""

    step: str
    how: str
    words: str


@dataclass(frozen=True)
class Seen:
    """What a child process has seen that imported torch and this package; ``version`` is this package's there."""

    torch: Torch | None = None
    library: str | None = None
    version: str | None = None
    paths: Mapping[str, tuple[str, ...]] | None = None
    driver: Driver | None = None
    gpus: tuple[Gpu, ...] = ()
    runtimes: tuple[Runtime, ...] = ()
    told: tuple[Told, ...] = ()
    end: End | None = None


@dataclass(frozen=True)
class Facts:
    """All of it; ``torches`` has the metadata of each torch on the path, ``unseen`` what could not be looked at."""

    python: Interpreter
    system: System
    environment: Mapping[str, str]
    package: Package
    torches: tuple[Metadata, ...]
    seen: Seen
    shadowing: tuple[str, ...]
    unseen: tuple[str, ...]
