"""Gathers the facts. Each part is looked at on its own: one that cannot be is a fact, and the others are seen."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import warpwright
from warpwright import _library, _record
from warpwright._refusal import cause_of, one_line
from warpwright.doctor import child, installed
from warpwright.doctor.facts import Facts, Files, Interpreter, Metadata, Package, Seen, System, Told

T = TypeVar("T")

VARIABLES = (
    "CONDA_PREFIX", "CUDA_DEVICE_ORDER", "CUDA_HOME", "CUDA_LAUNCH_BLOCKING", "CUDA_MODULE_LOADING", "CUDA_PATH",
    "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "LD_PRELOAD", "NVIDIA_VISIBLE_DEVICES", "PYTHONHOME", "PYTHONPATH",
    "VIRTUAL_ENV",
)  # fmt: skip
"""The variables that decide what is found and loaded; those of this package and of torch are known by their names."""

PREFIXES = ("WARPWRIGHT_", "TORCH_", "PYTORCH_")


def look(path: Sequence[str], environment: Mapping[str, str], time_limit: float) -> Facts:
    """Look at everything; ``path`` is the interpreter's as its user has it."""
    unseen: list[str] = []
    seen = _guarded(unseen, "the child process", lambda: child.ask(time_limit), Seen())
    package = _guarded(unseen, "the installed package", lambda: look_at_package(path, unseen), _no_package())
    return Facts(
        python=Interpreter(platform.python_version(), sys.executable or "", sys.prefix, tuple(path)),
        system=_guarded(unseen, "the operating system", look_at_system, System(sys.platform, "", None)),
        environment={name: environment[name] for name in sorted(environment) if is_of_interest(name)},
        package=package,
        torches=_guarded(unseen, "the installed torch", lambda: installed.metadata(path, "torch"), ()),
        seen=seen,
        shadowing=_guarded(unseen, "the first folder of the path", lambda: shadowing(path), ()),
        unseen=tuple(unseen),
    )


def _guarded(unseen: list[str], what: str, part: Callable[[], T], otherwise: T) -> T:
    try:
        return part()
    except Exception as error:  # noqa: BLE001 - the doctor goes on with what it can see
        unseen.append(f"{what}: {one_line(error)}")
        return otherwise


def is_of_interest(name: str) -> bool:
    """Return whether a variable decides what is found, loaded or chosen."""
    return name in VARIABLES or name.startswith(PREFIXES)


def look_at_system() -> System:
    """Look at the operating system."""
    about = os.uname()
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):  # another C library does not know the question
        libc = None
    return System(f"{about.sysname} {about.release}", about.machine, libc)


def _no_package() -> Package:
    return Package(str(_folder()), str(_library.LIBRARY), None, (), (), (), None, ())


def _folder() -> Path:
    return Path(warpwright.__file__ or ".").parent


def look_at_package(path: Sequence[str], unseen: list[str]) -> Package:
    """Look at this package as it is installed."""
    found = installed.metadata(path)
    own = tuple(each for each in found if Path(each.path).parent.samefile(_folder().parent))
    told: list[Told] = []
    _told(told, lambda: _library.check(_library.LIBRARY))
    return Package(
        folder=str(_folder()),
        library=str(_library.LIBRARY),
        record=_told(told, lambda: _record.read(_record.FILE)),
        copies=installed.copies(path),
        metadata=own,
        elsewhere=tuple(each for each in found if each not in own),
        files=_guarded(unseen, "RECORD", lambda: _files(own), None),
        told=tuple(told),
    )


def _told(told: list[Told], part: Callable[[], T]) -> T | None:
    try:
        return part()
    except ImportError as error:
        told.append(Told(cause_of(error) or "package-fails", str(error)))
        return None


def _files(own: Sequence[Metadata]) -> Files | None:
    return installed.compare(Path(own[0].path)) if len(own) == 1 else None


def shadowing(path: Sequence[str]) -> tuple[str, ...]:
    """Return the files in the path's first folder that stand before modules of the standard library."""
    first = Path((path or ["."])[0] or ".").absolute()
    if not first.is_dir() or first.samefile(Path(os.__file__).parent):
        return ()
    names = sorted(each for each in first.iterdir() if each.name.removesuffix(".py") in sys.stdlib_module_names)
    return tuple(str(each) for each in names if each.name.endswith(".py") or (each / "__init__.py").exists())
