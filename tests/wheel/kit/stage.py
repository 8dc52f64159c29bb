"""A stage for the doctor: a copy of the installed package that a test may damage, alone on an interpreter's path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import warpwright
from warpwright.doctor import probe as _probe  # noqa: F401 - imported once, all of it is there as bytecode
from warpwright.doctor import program as _program  # noqa: F401

ALONE = ("-S",)
"""Options with which an interpreter sees no installed package: what is on PYTHONPATH and no more."""

TORCH = """
import ctypes
from types import SimpleNamespace
__version__ = "{version}"
def load_library(path):
    try:
        ctypes.CDLL(path)
    except OSError as error:
        raise OSError(f"Could not load this library: {{path}}") from error
ops = SimpleNamespace(warpwright=SimpleNamespace(), load_library=load_library)
"""
"""As much of torch as an import asks for before the extension is loaded, which then lacks torch's libraries."""


@dataclass(frozen=True)
class Done:
    """What a program has written and its status; no traceback is ever among it."""

    status: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The verdict of a report."""
        return self.out.strip().splitlines()[-1]

    @property
    def document(self) -> dict[str, Any]:
        """The report of ``--json``."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def causes(self) -> list[str]:
        """The names of the causes of ``--json``, in their order."""
        return [cause["id"] for cause in self.document["causes"]]

    @property
    def notes(self) -> list[str]:
        """The names of the notes of ``--json``."""
        return [note["id"] for note in self.document["notes"]]


class Stage:
    """A folder for an interpreter's path, with a copy of the installed package and of its metadata."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"
        own = Path(warpwright.__file__).parent
        self.package = self.site / "warpwright"
        shutil.copytree(own, self.package)
        metadata = next(own.parent.glob("warpwright-*.dist-info"))
        self.metadata = Path(shutil.copytree(metadata, self.site / metadata.name))
        self.version = distribution("warpwright").version

    @property
    def library(self) -> Path:
        """The extension."""
        return self.package / "_C.abi3.so"

    def torch(self, text: str | None = None, version: str = "2.13.0") -> None:
        """Put a module named torch beside the package."""
        (self.site / "torch.py").write_text(text or TORCH.format(version=version), encoding="utf-8")

    def run(self, words: Sequence[str], options: Sequence[str] = ALONE, **environment: str | None) -> Done:
        """Run an interpreter with the stage first on its path; a variable that is None is not set."""
        variables = {**os.environ, "PYTHONPATH": str(self.site), **environment}
        done = subprocess.run(
            [sys.executable, *options, *words], capture_output=True, text=True, check=False, cwd=self.folder,
            env={name: value for name, value in variables.items() if value is not None},
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    def doctor(self, *arguments: str, options: Sequence[str] = ALONE, **environment: str | None) -> Done:
        """Run the doctor, which never ends in a traceback."""
        done = self.run(["-m", "warpwright", *arguments], options, **environment)
        assert "Traceback" not in done.out + done.err, done.out + done.err
        return done

    def refusal(self, options: Sequence[str] = ALONE, **environment: str | None) -> str:
        """Import the package and return the one sentence of the ImportError."""
        done = self.run(["-c", "import warpwright"], options, **environment)
        kind, _, sentence = done.err.strip().splitlines()[-1].partition(": ")
        assert (done.status, kind) == (1, "ImportError"), done.err
        return sentence

    def told(self, cause: str) -> str:
        """Return the one sentence that an import is refused with, after checking that the doctor tells the same."""
        sentence, found = self.refusal(), self.doctor("--json")
        assert (found.status, found.causes[0]) == (1, cause)
        assert found.document["verdict"] == f"CUDA operators cannot run here: {sentence}"
        return sentence
