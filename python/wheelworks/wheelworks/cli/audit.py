"""``audit``: every rule on every wheel."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wheelworks import files
from wheelworks.audit import Audits, Tools, audit_wheels, render_audits, to_json
from wheelworks.bill import BillProof, draw_bill
from wheelworks.cli.app import ACCEPTED_BILLS, app, make_toolchain, own_folders, read_matrix, read_policy
from wheelworks.lanes import Lane, choose_lane
from wheelworks.matrix import Matrix
from wheelworks.process import run
from wheelworks.proof import Proof, write_proof


@app.command
def audit(wheels: Annotated[list[Path], Parameter(negative=())], *, json: bool = False) -> None:
    """Audit wheels, of this project or any other; all are read before a finding fails the command.

    The verdict on a wheel of this project, its bill and a picture of that are put beside it.

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
            write_proofs(verdict.wheel, verdict.to_proofs(), parsed)
    audits.require_clean()


def audit_all(wheels: Sequence[Path], matrix: Matrix, lane: Lane, *, as_json: bool = False) -> Audits:
    """Print the verdicts on all wheels; cuobjdump is that of a lane's toolchain."""
    tools = Tools(run, make_toolchain(matrix, lane).cuobjdump, own_folders(), ACCEPTED_BILLS)
    audits = audit_wheels(wheels, read_policy(matrix), tools)
    sys.stdout.write(to_json(audits) if as_json else render_audits(audits))
    sys.stdout.flush()
    return audits


def write_proofs(wheel: Path, proofs: Iterable[Proof], matrix: Matrix) -> None:
    """Put proofs beside their wheel, and a picture beside a bill."""
    for proof in proofs:
        path = write_proof(wheel, proof)
        if isinstance(proof, BillProof):
            files.write_text(path.with_suffix(".svg"), draw_bill(proof.bill, choose_lane(matrix, proof.lane).sm_set))
