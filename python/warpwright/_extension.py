"""The compiled half of the package: loads it, and reads what the build wrote down beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

try:
    import torch
except ModuleNotFoundError as error:
    raise ImportError("warpwright needs torch 2.10 or newer, found none: `pip install 'torch>=2.10'`") from error

HERE = Path(__file__).parent
LIBRARY = HERE / "_C.abi3.so"
TORCH_FLOOR = (2, 10)


@dataclass(frozen=True)
class BuildRecord:
    """What the wheel was built from and for: the file ``_build.json``, which CMake wrote."""

    version: str
    lane: str
    cuda: str
    nvcc: str
    build_type: str
    sm_set: tuple[str, ...]
    cutlass: str
    flashinfer: str


@lru_cache(maxsize=1)
def build_record() -> BuildRecord:
    """Read the build's record."""
    record = json.loads((HERE / "_build.json").read_text(encoding="utf-8"))
    schema = record.pop("schema")
    if schema != 1:
        raise ImportError(f"warpwright: _build.json has schema {schema}, expected 1: install the wheel anew")
    return BuildRecord(**{**record, "sm_set": tuple(record["sm_set"])})


def wheel_version(default: str) -> str:
    """Return the version with its label, as in the wheel's METADATA; the source's where there is no record."""
    return build_record().version if (HERE / "_build.json").exists() else default


@lru_cache(maxsize=1)
def compiled_paths() -> dict[str, tuple[str, ...]]:
    """Return the SMs that each operator has code for, as the binary itself says: ``80`` SASS, ``80-ptx`` PTX."""
    rows = [row.split(":") for row in torch.ops.warpwright.compiled_paths().split(";") if row.strip()]
    return {name.strip(): tuple(sms.split()) for name, sms in rows}


def loaded_library() -> Path | None:
    """Return the path of the extension that this process has loaded, by whatever copy; None without one."""
    if not hasattr(torch.ops.warpwright, "compiled_paths"):
        return None
    if not hasattr(torch.ops.warpwright, "library_path"):
        return Path("an older copy, which does not say where it is")
    return Path(torch.ops.warpwright.library_path())


def _refuse_a_second_copy() -> None:
    """Refuse to register every operator twice, which would end the process; the same copy may be imported again."""
    loaded = loaded_library()
    if loaded is None or (loaded.exists() and loaded.samefile(LIBRARY)):
        return
    raise ImportError(
        f"warpwright: this process has already loaded {loaded}, and {LIBRARY} is a second copy: one process can use "
        "one; remove one of them, or what puts both on sys.path"
    )


def load() -> None:
    """Load the extension, which registers the operators with torch."""
    if not LIBRARY.exists():
        raise ImportError(
            f"warpwright: {LIBRARY} is missing: this is a source tree or a damaged installation; "
            "install a wheel, for example with `pip install warpwright`"
        )
    _refuse_a_second_copy()
    found = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if found < TORCH_FLOOR:
        floor = ".".join(map(str, TORCH_FLOOR))
        raise ImportError(
            f"warpwright needs torch {floor} or newer, found {torch.__version__}: "
            f"update it with `pip install 'torch>={floor}'`"
        )
    try:
        torch.ops.load_library(str(LIBRARY))
    except OSError as error:
        raise ImportError(
            f"warpwright: cannot load {LIBRARY}: {error}; the wheel is for Linux with glibc 2.28 or newer and an "
            "unmodified torch: reinstall both into one environment"
        ) from error


load()
