"""The compiled half of the package: loads it, and reads what the build wrote down beside it.

What cannot be loaded is refused by an ImportError of one sentence; `python -m warpwright` says the same sentences.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from warpwright import _library, _record, _torch
from warpwright._record import BuildRecord
from warpwright._refusal import refuse

torch = _torch.imported()

HERE = Path(__file__).parent
LIBRARY = _library.LIBRARY


@lru_cache(maxsize=1)
def build_record() -> BuildRecord:
    """Return what the wheel was built from and for."""
    return _record.read(_record.FILE)


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
    raise refuse(
        "second-copy",
        f"warpwright: this process has already loaded {loaded}, and {LIBRARY} is a second copy: one process can use "
        "one; remove one of them, or what puts both on sys.path",
    )


def load() -> None:
    """Load the extension, which registers the operators with torch."""
    _torch.check(torch)
    _library.check(LIBRARY)
    build_record()
    _refuse_a_second_copy()
    try:
        torch.ops.load_library(str(LIBRARY))
    except OSError as error:
        raise _library.cannot_load(LIBRARY, str(error.__cause__ or error)) from error  # the cause is the loader's own


load()
