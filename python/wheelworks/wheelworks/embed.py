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
from wheelworks.audit.evidence import Tools, gather, require_bill
from wheelworks.bill import BILL, write_bill
from wheelworks.policy import Policy
from wheelworks.sbom import NAME, plan_sbom
from wheelworks.wheel import Wheel, read_wheel


def embed_bills(path: Path, into: Path, policy: Policy, tools: Tools) -> Path:
    """Put the wheel with its bill and SBOM into a folder; give its path there."""
    wheel = read_wheel(path)
    with TemporaryDirectory(prefix="wheelworks-embed-") as scratch:
        bill, lane = require_bill(gather(wheel, Path(scratch), policy, tools))
        sbom = plan_sbom(bill.version, lane, policy.parts(lane), archive.newest_time(path))
        new = {BILL: write_bill(bill), f"{wheel.dist_info}/{NAME}": sbom}
        finished = Path(scratch) / path.name
        add_files(wheel, finished, {name: text.encode() for name, text in new.items()})
        files.place(finished, into / path.name)
    return into / path.name


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
    """Return a new entry with the time, the mode and the packing of an old one."""
    entry = zipfile.ZipInfo(name, info.date_time)
    entry.compress_type = info.compress_type
    entry.external_attr = info.external_attr
    entry.create_system = info.create_system
    entry.file_size = info.file_size if name == info.filename else 0
    return entry


def _record(text: str, new: Mapping[str, bytes]) -> str:
    """Return RECORD with lines for the new files, before its own."""
    rows = [row for row in csv.reader(text.splitlines()) if row and row[0] not in new]
    lines = [[name, f"sha256={_digest(data)}", str(len(data))] for name, data in sorted(new.items())]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([*rows, *lines])
    return out.getvalue()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode("ascii")
