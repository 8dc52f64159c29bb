"""Rules on what a wheel says of itself: name, version, label, tags, RECORD and the build's own record."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from packaging.tags import Tag

from wheelworks.audit.evidence import BuildRecord, Evidence, Outcome
from wheelworks.audit.finding import Finding, Rule, Skip
from wheelworks.lanes import Lane

REBUILD = "build the wheel again; a wheel is never edited or renamed by hand"
UNHASHED = ("RECORD", "RECORD.jws", "RECORD.p7s")


def check_name_and_version(evidence: Evidence) -> Outcome:
    """File name, .dist-info folder and METADATA name one project and one version."""
    wheel = evidence.wheel
    if wheel.metadata_name != wheel.name:
        yield Finding(f"{wheel.dist_info}/METADATA", Rule.NAME, wheel.metadata_name, wheel.name, REBUILD)
    if wheel.metadata_version != wheel.version:
        found, expected = str(wheel.metadata_version), str(wheel.version)
        yield Finding(f"{wheel.dist_info}/METADATA", Rule.VERSION, found, expected, REBUILD)
    folder = wheel.path.name.split("-")[:2]
    if wheel.dist_info != f"{'-'.join(folder)}.dist-info":
        yield Finding(wheel.dist_info, Rule.NAME, wheel.dist_info, f"{'-'.join(folder)}.dist-info", REBUILD)


def check_tags(evidence: Evidence) -> Outcome:
    """WHEEL has the tags of the file name, and the project's own wheels have its Python ABI."""
    wheel = evidence.wheel
    if wheel.wheel_tags != wheel.tags:
        found, expected = _words(wheel.wheel_tags), _words(wheel.tags)
        yield Finding(f"{wheel.dist_info}/WHEEL", Rule.TAGS, found, expected, REBUILD)
    pythons = {f"{tag.interpreter}-{tag.abi}" for tag in wheel.tags}
    expected = f"{evidence.policy.abi}-abi3"
    if evidence.ours and pythons != {expected}:
        fix = "set wheel.py-api in pyproject.toml to the matrix's Python ABI"
        yield Finding(wheel.path.name, Rule.TAGS, " ".join(sorted(pythons)), expected, fix)


def check_label(evidence: Evidence) -> Outcome:
    """The version's label is that of the lane, which the record names."""
    if not evidence.ours:
        yield Skip(Rule.LABEL, "only the project's own wheels carry a lane's label")
        yield Skip(Rule.BUILD_RECORD, "only the project's own wheels carry a build record")
    elif evidence.record is None:
        yield _record_finding(evidence, evidence.record_fault, "the record that the build writes")
    elif evidence.lane is None:
        known = ", ".join(lane.name for lane in evidence.policy.lanes)
        yield _record_finding(evidence, f"lane {evidence.record.lane!r}", f"a lane of the matrix: {known}")
    else:
        yield from _lane_findings(evidence, evidence.record, evidence.lane)


def check_record(evidence: Evidence) -> Outcome:
    """RECORD lists every file once, with its digest and size, and no other."""
    wheel, artefact = evidence.wheel, f"{evidence.wheel.dist_info}/RECORD"
    listed = Counter(row.path for row in wheel.record)
    signatures = {f"{wheel.dist_info}/{name}" for name in UNHASHED[1:]}
    for path in sorted(set(wheel.entries) - set(listed) - signatures):
        yield Finding(artefact, Rule.RECORD, f"no line for {path}", "a line for every file", REBUILD)
    for path in sorted(set(listed) - set(wheel.entries)):
        yield Finding(artefact, Rule.RECORD, f"a line for {path!a}", "lines for the wheel's files alone", REBUILD)
    for path in sorted(path for path, count in listed.items() if count > 1):
        yield Finding(artefact, Rule.RECORD, f"{listed[path]} lines for {path!a}", "one line", REBUILD)
    unhashed = {f"{wheel.dist_info}/{name}" for name in UNHASHED}
    for row in wheel.record:
        if row.path in unhashed or row.path not in wheel.entries:
            continue
        expected = _record_columns(evidence.folder / row.path, row.digest.partition("=")[0])
        if (row.digest, row.size) != expected:
            yield Finding(row.path, Rule.RECORD, f"{row.digest},{row.size}", ",".join(expected), REBUILD)


def _lane_findings(evidence: Evidence, record: BuildRecord, lane: Lane) -> Outcome:
    if (evidence.wheel.version.local or "") != lane.label:
        fix = "build with `nox -s build-wheel`, which sets the label before the build"
        found = evidence.wheel.version.local or "no label"
        yield Finding(evidence.wheel.path.name, Rule.LABEL, found, lane.label or "no label", fix)
    pairs = [
        ("version", record.version, str(evidence.wheel.version)),
        ("cuda", record.cuda, str(lane.cuda)),
        ("build_type", record.build_type, "Release"),
        ("sm_set", " ".join(record.sm_set), " ".join(lane.sm_set)),
        *((name, getattr(record, name), commit) for name, commit in evidence.policy.commits),
    ]
    for key, found, expected in pairs:
        if found != expected:
            yield _record_finding(evidence, f"{key} {found}", f"{key} {expected}, by lane {lane.name}")


def _record_finding(evidence: Evidence, found: str, expected: str) -> Finding:
    return Finding(evidence.policy.build_record, Rule.BUILD_RECORD, found, expected, "build with `nox -s build-wheel`")


def _record_columns(path: Path, algorithm: str) -> tuple[str, str]:
    """Return the digest and size columns that RECORD should have; weaker digests than SHA-256 are not accepted."""
    name = algorithm if algorithm in ("sha384", "sha512") else "sha256"
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, name).digest()
    text = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
    return f"{name}={text}", str(path.stat().st_size)


def _words(tags: Iterable[Tag]) -> str:
    return " ".join(sorted(map(str, tags))) or "none"
