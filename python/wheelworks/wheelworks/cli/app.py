"""What the commands share: the application, its two streams, and the matrix with what is made from it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from cyclopts import App
from rich.console import Console

from wheelworks import files
from wheelworks.child import UMASK
from wheelworks.errors import FileError, SettingError, WheelworksError
from wheelworks.lanes import Lane
from wheelworks.matrix import Matrix, load_matrix
from wheelworks.policy import Policy, plan_policy
from wheelworks.process import run
from wheelworks.stop import end_with_nox, unwind_on_signals
from wheelworks.store import Store
from wheelworks.toolchain import Toolchain, ensure_toolchain, plan_toolchain
from wheelworks.units import read_units

app = App(name="wheelworks", help="From sources to audited wheels.", version_flags=[])
console = Console(soft_wrap=True)  # a line of a log stays one line
errors = Console(stderr=True, soft_wrap=True)

ACCEPTED_BILLS = Path("bills")
"""The folder of the bills that later ones are held against."""

ACCEPTED_TABLES = Path("compat")
"""The folder of the tables of compatibility that the README's is made from."""


def main() -> None:
    """Run the command line; an error of the pipeline is told without a traceback, with its own exit code.

    A signal that asks the process to end ends all that it has started as well.
    """
    unwind_on_signals()
    end_with_nox(os.environ)
    os.umask(UMASK)
    try:
        _require_working_folder()
        app()
    except WheelworksError as error:
        errors.print(f"error: {error}", style="red", markup=False, highlight=False)
        sys.exit(error.exit_code)
    except OSError as error:
        told = FileError(f"cannot use {error.filename or 'a file'}", why=str(error), fix="look at what is there")
        errors.print(f"error: {told}", style="red", markup=False, highlight=False)
        sys.exit(told.exit_code)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _require_working_folder() -> None:
    try:
        Path.cwd()
    except OSError as error:
        why = f"this process stands in a folder that is no more: {error.strerror}"
        raise SettingError("there is no working folder", why=why, fix="`cd` to the project's folder") from error


def show(line: str) -> None:
    """Pass a line of another program on."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def read_matrix() -> Matrix:
    """Read the matrix of the project in the current folder."""
    return load_matrix(Path("matrix.toml"))


def read_policy(matrix: Matrix) -> Policy:
    """Return the policy of the project in the current folder, whose matrix was read."""
    return plan_policy(matrix, read_units(Path()))


def own_folders() -> tuple[Path, ...]:
    """Return the folders of this machine that no file of a wheel may name; a home that is none is left out."""
    folders = (Path.cwd(), files.cache_folder(os.environ), Path.home())
    return tuple(folder for folder in folders if folder.is_absolute() and folder != Path("/"))


def the_store(*, thorough: bool = False) -> Store:
    """Return the store in the user's cache; ``thorough`` has every byte of what is used read."""
    return Store(files.cache_folder(os.environ), every_byte=thorough, say=show)


def make_toolchain(matrix: Matrix, lane: Lane, *, thorough: bool = False) -> Toolchain:
    """Return the toolchain of a lane from the store, made where it is not there yet."""
    return ensure_toolchain(plan_toolchain(matrix, lane, Path.cwd()), store=the_store(thorough=thorough), run=run)
