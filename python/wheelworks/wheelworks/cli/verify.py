"""``verify``: everything on an index is checked again."""

from __future__ import annotations

from dataclasses import replace

from wheelworks.audit import Tools
from wheelworks.cli.app import ACCEPTED_BILLS, app, errors, make_toolchain, own_folders, read_matrix, read_policy, show
from wheelworks.errors import WheelworksError
from wheelworks.lanes import choose_lane
from wheelworks.process import run
from wheelworks.verify import Signers, open_source
from wheelworks.verify import verify as verify_index


@app.command
def verify(place: str, *, repository: str | None = None, refresh: bool = False, audit: bool = True) -> None:
    """Check again all of an index or a release: hashes, pages, RECORD, audit, SBOMs, attestations where there are some.

    What was not verified is said in words; all is read before a finding fails the command.

    Parameters
    ----------
    place
        The folder or the URL of an index's root, or the folder of a release.
    repository
        The repository on GitHub, OWNER/NAME, whose workflow must have signed each attestation.
    refresh
        Ask for Sigstore's present keys over the network.
    audit
        Audit the wheels too, by this checkout's matrix.
    """
    source = open_source(place)
    matrix = read_matrix()
    tools = Tools(run, None, own_folders(), ACCEPTED_BILLS)
    if audit:
        try:
            tools = replace(tools, cuobjdump=make_toolchain(matrix, choose_lane(matrix, None)).cuobjdump)
        except WheelworksError as error:
            show(f"no audit is made: {error}")
    signers = Signers(repository, refresh)
    with errors.status("") as status:
        report = verify_index(source, read_policy(matrix), tools, signers, on_file=status.update)
    show(str(report))
    report.require_clean(source.name)
