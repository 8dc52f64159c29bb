"""``audit``: every rule on every wheel."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wheelworks import files
from wheelworks.audit import Audit, Tools, audit_wheels, render_audits, to_json
from wheelworks.cli.app import app, make_toolchain, read_matrix
from wheelworks.lanes import Lane, choose_lane
from wheelworks.matrix import Matrix
from wheelworks.policy import plan_policy
from wheelworks.process import run


@app.command
def audit(wheels: Annotated[list[Path], Parameter(negative=())], *, json: bool = False) -> None:
    """Audit wheels, of this project or any other; all are read before a finding fails the command.

    Parameters
    ----------
    wheels
        The wheels.
    json
        Print JSON instead of lines.
    """
    parsed = read_matrix()
    audit_all(wheels, parsed, choose_lane(parsed, None), as_json=json)


def audit_all(wheels: Sequence[Path], matrix: Matrix, lane: Lane, *, as_json: bool = False) -> tuple[Audit, ...]:
    """Print the verdicts on all wheels, then raise if there are findings; cuobjdump is that of a lane's toolchain."""
    build_folders = (Path.cwd(), files.cache_folder(os.environ), Path.home())
    tools = Tools(run, make_toolchain(matrix, lane).cuobjdump, build_folders)
    audits = audit_wheels(wheels, plan_policy(matrix), tools)
    sys.stdout.write(to_json(audits) if as_json else render_audits(audits))
    sys.stdout.flush()
    audits.require_clean()
    return audits.audits
