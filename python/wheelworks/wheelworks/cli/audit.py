"""``audit``: every rule on every wheel."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wheelworks import files
from wheelworks.audit import Audit, Audits, Tools, audit_wheels, render_audits, to_json
from wheelworks.cli.app import ACCEPTED_BILLS, app, make_toolchain, read_matrix
from wheelworks.lanes import Lane, choose_lane
from wheelworks.matrix import Matrix
from wheelworks.policy import plan_policy
from wheelworks.process import run
from wheelworks.proof import write_proof


@app.command
def audit(wheels: Annotated[list[Path], Parameter(negative=())], *, json: bool = False) -> None:
    """Audit wheels, of this project or any other; all are read before a finding fails the command.

    The verdict on a wheel of this project, and its bill, are put beside it.

    Parameters
    ----------
    wheels
        The wheels.
    json
        Print JSON instead of lines.
    """
    parsed = read_matrix()
    audits = audit_all(wheels, parsed, choose_lane(parsed, None), as_json=json)
    for verdict in audits.audits:
        if verdict.lane is not None:
            _write_proofs(verdict)
    audits.require_clean()


def audit_all(wheels: Sequence[Path], matrix: Matrix, lane: Lane, *, as_json: bool = False) -> Audits:
    """Print the verdicts on all wheels; cuobjdump is that of a lane's toolchain."""
    build_folders = (Path.cwd(), files.cache_folder(os.environ), Path.home())
    tools = Tools(run, make_toolchain(matrix, lane).cuobjdump, build_folders, ACCEPTED_BILLS)
    audits = audit_wheels(wheels, plan_policy(matrix), tools)
    sys.stdout.write(to_json(audits) if as_json else render_audits(audits))
    sys.stdout.flush()
    return audits


def _write_proofs(audit: Audit) -> None:
    for proof in audit.to_proofs():
        write_proof(audit.wheel, proof)
