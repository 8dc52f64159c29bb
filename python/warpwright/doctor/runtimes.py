"""Several CUDA runtimes in torch's process: whose they are, and how the odd one is removed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from warpwright.doctor.facts import Runtime

LIBRARY_PATH, PRELOAD = "LD_LIBRARY_PATH", "LD_PRELOAD"


def several(found: tuple[Runtime, ...], torch_cuda: str | None, environment: Mapping[str, str]) -> str | None:
    """Say that a process has several runtimes, and what removes those that torch does not use; None for one or none."""
    if len(found) < 2:
        return None
    named = " and ".join(described(each, environment) for each in found)
    mends = "; ".join(dict.fromkeys(mend(each, environment) for each in odd(found, torch_cuda)))
    return f"torch's process has loaded {len(found)} CUDA runtimes, {named}: {mends}"


def odd(found: tuple[Runtime, ...], torch_cuda: str | None) -> tuple[Runtime, ...]:
    """Return the runtimes that torch does not use: of another CUDA than it was built with, or else of no package."""
    major = (torch_cuda or "").partition(".")[0]
    other = tuple(each for each in found if str(each.major) != major)
    if other and len(other) < len(found):
        return other
    return tuple(each for each in found if each.owner is None) or found[1:]


def described(runtime: Runtime, environment: Mapping[str, str]) -> str:
    """Name a runtime and where it comes from."""
    return f"CUDA {runtime.major} from {runtime.path} ({origin(runtime, environment)})"


def origin(runtime: Runtime, environment: Mapping[str, str]) -> str:
    """Say where a runtime comes from: the package that owns it, the variable that names it, or that none does."""
    if runtime.owner:
        return f"of {runtime.owner}"
    if runtime.path in _preloaded(environment):
        return f"named by {PRELOAD}"
    if folder := _named_folder(runtime, environment):
        return f"found through {folder} in {LIBRARY_PATH}"
    return "of no installed package"


def mend(runtime: Runtime, environment: Mapping[str, str]) -> str:
    """Say what removes a runtime from the process."""
    if runtime.owner:
        name = runtime.owner.partition(" ")[0]
        return f"remove CUDA {runtime.major}'s with `pip uninstall {name}`, or the package that needs it"
    if runtime.path in _preloaded(environment):
        return f"take {runtime.path} out of {PRELOAD}"
    if folder := _named_folder(runtime, environment):
        return f"take {folder} out of {LIBRARY_PATH}"
    return f"find what loads {runtime.path} with `LD_DEBUG=libs`, such as a folder of /etc/ld.so.conf"


def _preloaded(environment: Mapping[str, str]) -> list[str]:
    return environment.get(PRELOAD, "").replace(":", " ").split()


def _named_folder(runtime: Runtime, environment: Mapping[str, str]) -> str | None:
    """Return the folder of LD_LIBRARY_PATH that a runtime lies in, by whatever link."""
    folder = Path(runtime.path).parent
    named = [word for word in environment.get(LIBRARY_PATH, "").replace(";", ":").split(":") if word]
    return next((word for word in named if _is_same(Path(word), folder)), None)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one == other or one.resolve() == other.resolve()
    except (OSError, RuntimeError):
        return False
