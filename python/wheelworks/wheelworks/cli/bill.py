"""``bill``: what the device code of finished wheels holds, as a table and as a picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wheelworks import files
from wheelworks.bill import Bill, draw_bill, render_bill, render_kernels, write_accepted
from wheelworks.cli.app import ACCEPTED_BILLS, app, console, make_toolchain, read_matrix
from wheelworks.embed import bill_of
from wheelworks.errors import UnknownLaneError
from wheelworks.lanes import Lane, lane_of_label, machine_architecture
from wheelworks.matrix import Matrix
from wheelworks.policy import plan_policy
from wheelworks.process import run
from wheelworks.wheel import Wheel, read_wheel


@app.command
def bill(
    wheels: Annotated[list[Path], Parameter(negative=())],
    *,
    kernels: bool = False,
    svg: Path | None = None,
    accept: bool = False,
) -> None:
    """Print the bill of materials of wheels of this project, read from their binaries.

    Parameters
    ----------
    wheels
        The wheels.
    kernels
        Print a line for each kernel and SM instead of one for each operator.
    svg
        Draw a heat map of operators and SMs into this file; of several wheels, the last one's.
    accept
        Keep each bill in ``bills/``: what grows from now on is held against it.
    """
    parsed = read_matrix()
    for path in wheels:
        wheel = read_wheel(path)
        lane = _lane_of(wheel, parsed)
        read = bill_of(wheel, lane, plan_policy(parsed), make_toolchain(parsed, lane).cuobjdump, run)
        _show(read, lane, kernels)
        if svg is not None:
            files.write_text(svg, draw_bill(read, lane.sm_set))
            console.print(f"drew {svg}", highlight=False)
        if accept:
            console.print(f"accepted {write_accepted(ACCEPTED_BILLS, read, path.stat().st_size)}", highlight=False)


def _show(bill: Bill, lane: Lane, kernels: bool) -> None:
    sys.stdout.write(f"warpwright {bill.version}, lane {bill.lane}, code in KiB\n")
    sys.stdout.write(render_kernels(bill) if kernels else render_bill(bill, lane.sm_set))
    sys.stdout.flush()


def _lane_of(wheel: Wheel, matrix: Matrix) -> Lane:
    architecture = next((name for name in ("x86_64", "aarch64") if str(wheel.path).endswith(f"{name}.whl")), "")
    lane = lane_of_label(matrix, wheel.version.local or "", architecture or machine_architecture())
    if lane is None:
        raise UnknownLaneError(
            f"{wheel.path.name} is of no lane",
            why=f"no lane has the label {wheel.version.local!r} on {architecture or 'its machine'}",
            fix="give a wheel that `nox -s build-wheel` made; `nox -s matrix` lists the lanes",
        )
    return lane
