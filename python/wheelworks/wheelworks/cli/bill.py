"""``bill``: what the device code of finished wheels holds, as a table and as a picture."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import Parameter

from wheelworks import files
from wheelworks.audit import Tools
from wheelworks.audit.evidence import gather, require_bill
from wheelworks.bill import Bill, draw_bill, render_bill, render_kernels, sum_rows, write_accepted
from wheelworks.cli.app import ACCEPTED_BILLS, app, console, make_toolchain, read_matrix, read_policy
from wheelworks.lanes import Lane, choose_lane
from wheelworks.process import run
from wheelworks.wheel import read_wheel


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
    tools = Tools(run, make_toolchain(parsed, choose_lane(parsed, None)).cuobjdump)
    for path in wheels:
        with TemporaryDirectory(prefix="wheelworks-bill-") as work:
            read, lane = require_bill(gather(read_wheel(path), Path(work), read_policy(parsed), tools))
        _show(read, lane, kernels)
        if svg is not None:
            files.write_text(svg, draw_bill(read, lane.sm_set))
            console.print(f"drew {svg}", highlight=False)
        if accept:
            console.print(f"accepted {write_accepted(ACCEPTED_BILLS, read, path.stat().st_size)}", highlight=False)


def _show(bill: Bill, lane: Lane, kernels: bool) -> None:
    sys.stdout.write(f"warpwright {bill.version}, lane {bill.lane}, code in KiB\n")
    sys.stdout.write(render_kernels(bill) if kernels else render_bill(sum_rows(bill), lane.sm_set))
    sys.stdout.flush()
