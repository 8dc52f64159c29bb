"""``compat``: finished wheels on every tested Python and torch."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from packaging.version import InvalidVersion, Version
from rich import box
from rich.table import Table

from wheelworks import files
from wheelworks.cli.app import ACCEPTED_TABLES, app, console, read_matrix, read_policy, show
from wheelworks.cli.wheel_tests import SUITE
from wheelworks.compat import (
    Cell,
    Compat,
    Setting,
    Slot,
    plan_slots,
    prove_wheel,
    read_subject,
    require_tables,
    unproved_notes,
    write_accepted_table,
)
from wheelworks.errors import CompatError
from wheelworks.process import run


@app.command
def compat(
    wheels: Annotated[list[Path], Parameter(negative=())],
    *,
    python: str = f"{sys.version_info.major}.{sys.version_info.minor}",
    whole: Annotated[bool, Parameter(name="--all", negative=())] = False,
    limit: float = 1200.0,
    resume: bool = False,
    accept: bool = False,
    dry_run: bool = False,
) -> None:
    """Try wheels on every tested torch and Python, each pair in a clean environment; the table is put beside the wheel.

    Wheels of test-only lanes are left out. Each torch with its CUDA takes 5 to 7 GB in uv's cache, which the next run
    finds there; with UV_NO_CACHE=1 in the environment nothing of it stays.

    Parameters
    ----------
    wheels
        The wheels.
    python
        The Python that every torch is tried on.
    whole
        Try every pair of Python and torch.
    limit
        Seconds that one environment may take, from its making to its last test.
    resume
        Keep the cells that passed in an earlier attempt on the same file.
    accept
        Keep each table in ``compat/``: the README's is made from it.
    dry_run
        Print which cells there would be, and try nothing.
    """
    parsed = read_matrix()
    slots = plan_slots(parsed, python=_version(python), whole=whole)
    if dry_run:
        _show_plan(slots)
        return
    policy, scratch = read_policy(parsed), files.cache_folder(os.environ) / "compat"
    setting = Setting(SUITE, "", frozenset(), scratch, limit, run, time.monotonic, show)
    tables = []
    with files.emptied(scratch):
        for wheel in wheels:
            if read_subject(wheel, policy).lane.test_only:
                show(f"{wheel.name} is of a test-only lane: left out")
                continue
            tables.append(prove_wheel(wheel, slots, policy, setting, resume=resume, on_cell=_show_cell))
    for table in tables:
        _show_table(table)
    require_tables(tables)
    if accept:
        for table in tables:
            show(f"accepted {write_accepted_table(ACCEPTED_TABLES, table)}")


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise CompatError(f"{text!r} is no version of Python", why=str(error), fix="write for example 3.12") from error


def _show_plan(slots: tuple[Slot, ...]) -> None:
    for slot in slots:
        show(str(slot))
    show(f"{len(slots)} cells for each wheel")


def _show_cell(cell: Cell) -> None:
    show(f"{cell.place}: {cell.verdict} in {cell.seconds:.0f} s{': ' if cell.why else ''}{cell.why}")


def _show_table(table: Compat) -> None:
    show(f"{table.wheel}, sha256 {table.sha256}")
    columns = ("Python", "torch", "", "ops", "opcheck", "passed", "failed", "skipped", "s")
    grid = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for column in columns:
        grid.add_column(column, no_wrap=True)
    for cell in table.cells:
        names = (cell.found_python or cell.python, cell.found_torch or cell.torch, str(cell.verdict))
        skipped = sum(cell.skipped.values())
        numbers = (cell.operators, cell.opchecks, cell.passed, len(cell.failed), skipped, round(cell.seconds))
        grid.add_row(*names, *map(str, numbers))
    console.print(grid, highlight=False)
    for note in unproved_notes(table):
        show(note)
    show(table.summary)
