"""From folders of wheels with their proofs to one manifest, or all the reasons why they are no release."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from packaging.version import Version
from pydantic import ValidationError

from wheelworks import files
from wheelworks.errors import ManifestError, ProofError, WheelError
from wheelworks.lanes import Lane, plan_lanes
from wheelworks.manifest.evidence import read_entry
from wheelworks.manifest.model import Channel, Manifest, ProofEntry, ReleasedWheel
from wheelworks.matrix import Matrix
from wheelworks.proof import ProofKind
from wheelworks.versions import disagreements
from wheelworks.wheel import Wheel, read_wheel


@dataclass(frozen=True)
class Release:
    """What is to be released, before a wheel was looked at."""

    version: Version
    channel: Channel
    created: datetime
    notes: str


@dataclass(frozen=True)
class Candidate:
    """A wheel that may become part of a release, and all that speaks against it."""

    path: Path
    wheel: Wheel
    lane: Lane
    proofs: tuple[ProofEntry, ...]
    unproved: tuple[str, ...]


def collect_release(folders: Sequence[Path], matrix: Matrix, release: Release) -> Manifest:
    """Make the manifest of a release; with ManifestError, if the wheels are not one, for every reason there is."""
    paths = [path for folder in folders for path in sorted(folder.glob("*.whl"))]
    reasons = list(_name_faults(paths))
    candidates = []
    for path in paths:
        try:
            candidate = _read_candidate(path, matrix, release)
        except (WheelError, ManifestError) as error:
            reasons.append(f"{path.name}: {error.why}")
            continue
        if candidate is not None:
            candidates.append(candidate)
    reasons += _release_faults(candidates, matrix, release)
    if reasons:
        raise _refused(release, reasons)
    return _manifest(candidates, matrix, release)


def _read_candidate(path: Path, matrix: Matrix, release: Release) -> Candidate | None:
    """Read a wheel; None for those that are not for a release: of a test-only lane, and of other versions' previews."""
    if path.is_symlink():
        raise _unfit(path, "it is a symbolic link")
    wheel = read_wheel(path)
    if wheel.faults:
        raise _unfit(path, "; ".join(f"{fault.kind} {fault.entry!r}" for fault in wheel.faults[:5]))
    if wheel.tags != wheel.wheel_tags or wheel.metadata_name != wheel.name:
        raise _unfit(path, "its name and tags are not those of its METADATA and WHEEL")
    if release.channel == Channel.PREVIEW and wheel.version.public != str(release.version):
        return None
    faults, lane = list(disagreements(wheel, release.version)), _lane_of(wheel, matrix)
    if not wheel.requires_python:
        faults.append("METADATA has no Requires-Python, so an installer would take it on every Python")
    if lane is None:
        faults.append(f"the matrix has no lane with the label {wheel.version.local} and its CPU")
    if faults or lane is None:
        raise _unfit(path, "; ".join(faults))
    if lane.test_only:
        return None
    proofs, missing = _read_proofs(path, matrix.release.proofs, lane.sm_set)
    return Candidate(path, wheel, lane, proofs, missing)


def _lane_of(wheel: Wheel, matrix: Matrix) -> Lane | None:
    label = wheel.version.local or ""
    lanes = [lane for lane in plan_lanes(matrix) if lane.label == label]
    return next((lane for lane in lanes if all(tag.endswith(lane.architecture) for tag in wheel.platforms)), None)


def _read_proofs(
    path: Path, required: Sequence[ProofKind], sms: Sequence[str]
) -> tuple[tuple[ProofEntry, ...], tuple[str, ...]]:
    entries, missing = [], []
    for kind in required:
        try:
            entry = read_entry(path, kind, sms)
        except ProofError as error:
            missing.append(_in_short(kind, error))
            continue
        entries.append(entry)
        if not entry.holds:
            missing.append(f"the {kind} proof does not hold: {entry.summary}")
    return tuple(entries), tuple(missing)


def _in_short(kind: ProofKind, error: ProofError) -> str:
    """Say what a proof lacks without a path of this machine: the text may be served."""
    match error.__cause__:
        case OSError():
            return f"no {kind} proof"
        case ValidationError() as broken:
            first = broken.errors()[0]
            return f"the {kind} proof cannot be read: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        case _:
            return f"the {kind} proof is of other bytes: {error.why}"


def _name_faults(paths: Sequence[Path]) -> Iterator[str]:
    for name, count in sorted(Counter(path.name for path in paths).items()):
        if count > 1:
            yield f"{name}: {count} wheels of this name"


def _release_faults(candidates: Sequence[Candidate], matrix: Matrix, release: Release) -> Iterator[str]:
    by_lane: Mapping[str, list[str]] = _group(candidates)
    for lane, names in by_lane.items():
        if len(set(names)) > 1:
            yield f"lane {lane} has {len(names)} wheels: {', '.join(sorted(names))}"
    if not candidates:
        yield f"no wheel of {release.version} is there"
    if release.channel == Channel.PREVIEW:
        return
    wanted = [lane.name for lane in plan_lanes(matrix) if not lane.test_only]
    yield from (f"lane {lane} has no wheel" for lane in wanted if lane not in by_lane)
    yield from (f"{each.path.name}: {why}" for each in candidates for why in each.unproved)
    commits = {_commit(each) for each in candidates} - {None}
    if len(commits) > 1:
        yield f"the wheels are of {len(commits)} commits: {', '.join(sorted(map(str, commits)))}"


def _group(candidates: Sequence[Candidate]) -> Mapping[str, list[str]]:
    lanes: defaultdict[str, list[str]] = defaultdict(list)
    for candidate in candidates:
        lanes[candidate.lane.name].append(candidate.path.name)
    return lanes


def _commit(candidate: Candidate) -> str | None:
    entries = [entry for entry in candidate.proofs if entry.kind == ProofKind.BUILD]
    commit = entries[0].content.get("commit") if entries else None
    return commit if isinstance(commit, str) else None


def _manifest(candidates: Sequence[Candidate], matrix: Matrix, release: Release) -> Manifest:
    try:
        wheels = [_released(each, matrix) for each in candidates]
        commits = {wheel.commit for wheel in wheels}
        return Manifest(
            project=candidates[0].wheel.name,
            version=release.version,
            channel=release.channel,
            created=release.created,
            commit=commits.pop() if len(commits) == 1 else None,
            notes=release.notes,
            wheels=tuple(sorted(wheels, key=lambda wheel: wheel.file)),
        )
    except ValidationError as error:
        raise _refused(release, [fault["msg"].removeprefix("Value error, ") for fault in error.errors()]) from error


def _released(candidate: Candidate, matrix: Matrix) -> ReleasedWheel:
    path, lane = candidate.path, candidate.lane
    attested = path.with_name(f"{path.name}.provenance")
    return ReleasedWheel(
        file=path.name,
        sha256=files.sha256_of(path),
        size=path.stat().st_size,
        metadata_sha256=hashlib.sha256(candidate.wheel.metadata.encode()).hexdigest(),
        provenance_sha256=files.sha256_of(attested) if attested.is_file() else None,
        lane=lane.name,
        cuda=lane.cuda,
        sms=lane.sm_set,
        architecture=lane.architecture,
        requires_python=candidate.wheel.requires_python,
        torch=matrix.torch.floor,
        driver=lane.toolkit.driver,
        commit=_commit(candidate),
        sources={name: f"{source.commit} {source.tree_sha256}" for name, source in sorted(matrix.sources.items())},
        proofs=candidate.proofs,
        unproved=candidate.unproved,
    )


def _unfit(path: Path, why: str) -> ManifestError:
    return ManifestError(f"{path.name} cannot be released", why=why, fix="build it again")


def _refused(release: Release, reasons: Sequence[str]) -> ManifestError:
    return ManifestError(
        f"these wheels are no {release.channel} {release.version}",
        why="".join(f"\n    {reason}" for reason in reasons),
        fix="each wheel's own session makes what it lacks; a release is published whole or not at all",
    )
