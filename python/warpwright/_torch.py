"""The torch that this process has: imported, and refused in one sentence where it is none that this package can use."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

from warpwright._refusal import one_line, refuse

FLOOR = (2, 10)
INSTALL = f"`pip install 'torch>={FLOOR[0]}.{FLOOR[1]}'`"
NEEDED = f"warpwright needs torch {FLOOR[0]}.{FLOOR[1]} or newer"
REINSTALL = "reinstall it with `pip install --force-reinstall torch`"


def imported() -> Any:
    """Import torch and return it; an ImportError says why it cannot be used."""
    try:
        import torch
    except Exception as error:
        raise _cannot_be_imported(error) from error
    check(torch)
    return torch


def check(torch: ModuleType) -> None:
    """Refuse a module that is no torch, and a torch that is too old."""
    version = getattr(torch, "__version__", None)
    if version is None or not hasattr(torch, "ops"):
        raise refuse(
            "torch-stray",
            f"warpwright: {place(torch)} was imported as torch, and it is not PyTorch: rename or remove it, or start "
            f"Python in another folder; where torch is not installed, {INSTALL}",
        )
    if version_of(str(version)) < FLOOR:
        raise refuse("torch-too-old", f"{NEEDED}, found {version}: update it with {INSTALL}")


def version_of(text: str) -> tuple[int, int]:
    """Return the first two numbers of a version, whatever follows: 2.10a0+git counts as 2.10."""
    found = re.match(r"(\d+)\.(\d+)", text)
    if found is None:
        raise refuse("torch-version", f"{NEEDED}, and the installed one says that its version is {text!r}: {REINSTALL}")
    return int(found[1]), int(found[2])


def place(torch: ModuleType) -> str:
    """Return the file of a module, or the folder of one that has no file."""
    folders = [str(folder) for folder in getattr(torch, "__path__", ())]
    return str(getattr(torch, "__file__", None) or ", ".join(folders) or "a module without a file")


def _cannot_be_imported(error: Exception) -> ImportError:
    if not isinstance(error, ModuleNotFoundError):
        return refuse("torch-broken", f"warpwright: torch cannot be imported: {one_line(error)}: {REINSTALL}")
    if error.name == "torch":
        return refuse("torch-missing", f"{NEEDED}, found none: {INSTALL}")
    return refuse(
        "torch-broken",
        f"warpwright: torch cannot be imported, because it lacks the module {error.name}: {REINSTALL}",
    )
