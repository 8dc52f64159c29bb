"""The child process of the doctor: imports what users import, step by step, and writes what it sees as JSON lines.

A step that dies by a signal or hangs leaves the lines of those before it, and its own name.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import warpwright
from warpwright import _torch
from warpwright._refusal import REINSTALL, cause_of, one_line
from warpwright.doctor import machine
from warpwright.doctor.child import EXIT

WORDS = {
    "package": ("warpwright cannot be imported", REINSTALL),
    "gpus": ("torch cannot ask for the GPUs", "see `nvidia-smi`, and whether other processes hold them"),
}
"""What is said before and after an error that no one has foreseen."""

Facts = dict[str, Any]
MAPS = Path("/proc/self/maps")


def main() -> int:
    """Run the steps; each line is ``{"begin": NAME}``, or ``{"step": NAME}`` with what was seen or told.

    The last one begins the exit, so that an import that ends the process with status 0 is none.
    """
    write = _writer()
    for name, step in STEPS:
        write({"begin": name})
        try:
            write({"step": name, "seen": step()})
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what the doctor is asked for
            write({"step": name, "told": _told(name, error)})
    write({"begin": EXIT})
    return 0


def _writer() -> Callable[[Facts], None]:
    """Keep the standard output for the lines alone: what an import prints goes to the standard error output."""
    own = os.dup(1)
    os.dup2(2, 1)

    def write(line: Facts) -> None:
        os.write(own, json.dumps(line).encode() + b"\n")

    return write


def _told(step: str, error: Exception) -> Facts:
    if known := cause_of(error):
        return {"id": known, "sentence": str(error)}
    before, after = WORDS.get(step, (f"the step {step} of the doctor failed", "report it with this whole report"))
    return {"id": f"{step}-fails", "sentence": f"{before}: {one_line(error)}: {after}"}


def _import_torch() -> Facts:
    _torch.imported()
    return {}


def _see_torch() -> Facts:
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    version, cuda = getattr(torch, "__version__", None), getattr(getattr(torch, "version", None), "cuda", None)
    return {"torch": {"version": version and str(version), "path": _torch.place(torch), "cuda": cuda and str(cuda)}}


def _import_package() -> Facts:
    """Import the package as users do: as the program it has loaded nothing."""
    if not _has_torch("ops"):  # that is told already, and a second try would tell something else
        return {}
    importlib.reload(warpwright)
    from warpwright import _extension

    return {
        "version": warpwright.__version__,
        "library": str(_extension.loaded_library()),
        "paths": _extension.compiled_paths(),
    }


def _has_torch(part: str) -> bool:
    return hasattr(sys.modules.get("torch"), part)


def _see_driver() -> Facts:
    answer = machine.driver_answer()
    if answer is None:
        return {"driver": {"version": 0, "path": None, "answer": None}}
    version = ctypes.c_int()
    ctypes.CDLL(machine.DRIVER).cuDriverGetVersion(ctypes.byref(version))
    path = next(iter(machine.loaded(machine.DRIVER_FILE, MAPS)), None)
    return {"driver": {"version": version.value, "path": path, "answer": answer}}


def _see_gpus() -> Facts:
    if not _has_torch("cuda"):
        return {}
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return {"gpus": [_gpu(torch.cuda.get_device_name(index), index) for index in range(count)]}


def _gpu(name: str, index: int) -> Facts:
    return {"index": index, "name": name, "sm": machine.device_sm(index)}


def _see_runtimes() -> Facts:
    return {"runtimes": list(machine.loaded(machine.RUNTIME, MAPS))}


def _diagnose() -> Facts:
    if not hasattr(warpwright, "__version__"):  # the import of the package has not come to its end
        return {}
    from warpwright import _extension

    found, paths = machine.this_machine(), _extension.compiled_paths()
    sentence = machine.diagnose(found, paths)
    return {"told": [{"id": machine.name_of(found, paths), "sentence": sentence}] if sentence else []}


STEPS: tuple[tuple[str, Callable[[], Facts]], ...] = (
    ("torch", _import_torch),
    ("torch-facts", _see_torch),
    ("package", _import_package),
    ("driver", _see_driver),
    ("gpus", _see_gpus),
    ("runtimes", _see_runtimes),
    ("diagnosis", _diagnose),
)
