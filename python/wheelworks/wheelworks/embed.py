"""The embed stage: the bill and the SBOM go into the wheel, and RECORD lists them; no other file changes."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from wheelworks import archive, files
from wheelworks.archive import DEFAULT_LIMITS
from wheelworks.bill import BILL, Bill, read_bill, write_bill
from wheelworks.errors import AuditError
from wheelworks.lanes import Lane
from wheelworks.policy import Policy
from wheelworks.process import Runner
from wheelworks.sbom import NAME, plan_sbom
from wheelworks.wheel import Wheel, read_wheel


def embed_bills(path: Path, into: Path, lane: Lane, policy: Policy, cuobjdump: Path, run: Runner) -> Path:
    """Put the wheel with its bill and SBOM into a folder; give its path there."""
    wheel = read_wheel(path)
    bill = bill_of(wheel, lane, policy, cuobjdump, run)
    sbom = plan_sbom(str(wheel.version), lane, policy.sources, archive.newest_time(path))
    new = {BILL: write_bill(bill).encode(), f"{wheel.dist_info}/{NAME}": sbom.encode()}
    with TemporaryDirectory(prefix="wheelworks-embed-") as scratch:
        finished = Path(scratch) / path.name
        add_files(wheel, finished, new)
        files.place(finished, into / path.name)
    return into / path.name


def bill_of(wheel: Wheel, lane: Lane, policy: Policy, cuobjdump: Path, run: Runner) -> Bill:
    """Read the bill of a wheel of the project from its binary."""
    if policy.binary not in wheel.entries:
        raise AuditError(
            f"{wheel.path.name} has no {policy.binary}",
            why="that is the binary whose device code a bill lists",
            fix="build with `nox -s build-wheel`; of other projects' wheels there is no bill",
        )
    with TemporaryDirectory(prefix="wheelworks-bill-") as scratch:
        folder = Path(scratch) / "unpacked"
        archive.unpack(wheel.path, folder)
        return read_bill(
            folder / policy.binary,
            policy.binary,
            lane=lane.name,
            version=str(wheel.version),
            operators=policy.operators,
            cuobjdump=cuobjdump,
            run=run,
        )


def add_files(wheel: Wheel, target: Path, new: Mapping[str, bytes]) -> None:
    """Write the wheel anew with files added or replaced; RECORD comes last, and every other entry stays as it is."""
    record = f"{wheel.dist_info}/RECORD"
    with archive.opened(wheel.path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as finished:
        for info in source.infolist():
            if info.filename != record and info.filename not in new:
                with source.open(info) as old, finished.open(_like(info, info.filename), "w") as copy:
                    shutil.copyfileobj(old, copy)
        pattern = source.getinfo(record)
        text = archive.read_text(wheel.path, source, record, DEFAULT_LIMITS)
        for name, data in [*sorted(new.items()), (record, _record(text, new).encode())]:
            finished.writestr(_like(pattern, name), data)


def _like(info: zipfile.ZipInfo, name: str) -> zipfile.ZipInfo:
    """Give a new entry the time, the mode and the packing of an old one."""
    entry = zipfile.ZipInfo(name, info.date_time)
    entry.compress_type = info.compress_type
    entry.external_attr = info.external_attr
    entry.create_system = info.create_system
    entry.file_size = info.file_size if name == info.filename else 0
    return entry


def _record(text: str, new: Mapping[str, bytes]) -> str:
    """Give RECORD with lines for the new files, before its own."""
    rows = [row for row in csv.reader(text.splitlines()) if row and row[0] not in new]
    lines = [[name, f"sha256={_digest(data)}", str(len(data))] for name, data in sorted(new.items())]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([*rows, *lines])
    return out.getvalue()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode("ascii")
