"""What the commands share: the application, its two streams, and the matrix with what is made from it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cyclopts import App
from rich.console import Console

from wheelworks import files
from wheelworks.errors import WheelworksError
from wheelworks.lanes import Lane
from wheelworks.matrix import Matrix, load_matrix
from wheelworks.process import run
from wheelworks.toolchain import Toolchain, ensure_toolchain, plan_toolchain

app = App(name="wheelworks", help="From sources to audited wheels.", version_flags=[])
console = Console(soft_wrap=True)  # a line of a log stays one line
errors = Console(stderr=True, soft_wrap=True)

ACCEPTED_BILLS = Path("bills")
"""The folder of the bills that later ones are held against."""

ACCEPTED_TABLES = Path("compat")
"""The folder of the tables of compatibility that the README's is made from."""


def main() -> None:
    """Run the command line; an error of the pipeline is told without a traceback, with its own exit code."""
    try:
        app()
    except WheelworksError as error:
        errors.print(f"error: {error}", style="red", markup=False, highlight=False)
        sys.exit(error.exit_code)


def show(line: str) -> None:
    """Pass a line of another program on."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def read_matrix() -> Matrix:
    """Read the matrix of the project in the current folder."""
    return load_matrix(Path("matrix.toml"))


def make_toolchain(matrix: Matrix, lane: Lane) -> Toolchain:
    """Return the toolchain of a lane from the user's cache, made where it is not there yet."""
    plan = plan_toolchain(matrix, lane, Path.cwd())
    return ensure_toolchain(plan, cache=files.cache_folder(os.environ), run=run)
