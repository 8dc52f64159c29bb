"""All of an index against its checksums and its manifests: every file is looked at before a finding counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wheelworks import files
from wheelworks.audit import Tools
from wheelworks.checksums import NAME as CHECKSUMS
from wheelworks.checksums import read_checksums
from wheelworks.errors import ManifestError, VerifyError
from wheelworks.manifest import Channel, Manifest, ReleasedWheel, read_manifest
from wheelworks.policy import Policy
from wheelworks.publish.plan import is_manifest
from wheelworks.verify.attestations import Signers, check_provenance, fetch_keys, missing_library
from wheelworks.verify.pages import check_page, project_of
from wheelworks.verify.report import Finding, Report
from wheelworks.verify.source import Source
from wheelworks.verify.wheels import check_wheel, metadata_of

METADATA, PROVENANCE = ".metadata", ".provenance"


@dataclass
class Verification:
    """A verification on its way: what is read, by what it is judged, and what was said so far."""

    source: Source
    policy: Policy
    tools: Tools
    signers: Signers
    sums: dict[str, str]
    report: Report = field(default_factory=Report)
    manifests: list[Manifest] = field(default_factory=list)
    projects: set[str] = field(default_factory=set)
    keys_fault: str | None = None


def verify(source: Source, policy: Policy, tools: Tools, signers: Signers, *, on_file: Callable[[str], None]) -> Report:
    """Verify all that the checksums of an index name, and that they name all that its manifests do."""
    with source.file(CHECKSUMS) as path:
        if path is None:
            fix = "name the root of an index that `nox -s index` made, or a release's folder"
            raise VerifyError(f"cannot verify {source.name}", why=f"it has no {CHECKSUMS}", fix=fix)
        sums = read_checksums(path.read_bytes())
    work = Verification(source, policy, tools, signers, sums)
    if signers.refresh and missing_library() is None and any(name.endswith(PROVENANCE) for name in sums):
        work.keys_fault = fetch_keys()
    for name in sorted(sums, key=lambda name: (not _is_manifest(name), name)):
        on_file(name)
        with source.file(name) as path:
            work.report.findings += _check_file(work, name, path)
    work.report.findings += _manifest_findings(work)
    work.report.unverified += _left_out(work)
    return work.report


def _check_file(work: Verification, name: str, path: Path | None) -> Iterator[Finding]:
    if path is None:
        yield Finding(name, "no such file", f"sha256 {work.sums[name]}")
        return
    if (found := files.sha256_of(path)) != work.sums[name]:
        yield Finding(name, f"sha256 {found}", f"sha256 {work.sums[name]}, by {CHECKSUMS}")
    work.report.checked["hashes"] += 1
    if _is_manifest(name):
        yield from _read_manifest(work, name, path)
    elif name.endswith(".whl"):
        work.report.checked["wheels"] += 1
        yield from check_wheel(path, name, work.policy, work.tools)
        yield from _check_beside(work, name, path)
    elif project := project_of(name, work.projects):
        work.report.checked["pages for installers"] += 1
        yield from check_page(name, path.read_text("utf-8", errors="replace"), project, work.sums)


def _check_beside(work: Verification, name: str, wheel: Path) -> Iterator[Finding]:
    """Check what is read from a wheel, or said of it."""
    with work.source.file(f"{name}{METADATA}") as path:
        if path is not None and path.read_bytes().decode("utf-8", errors="replace") != metadata_of(wheel):
            yield Finding(f"{name}{METADATA}", "other text than the METADATA in the wheel", "the same text")
    if f"{name}{PROVENANCE}" not in work.sums or missing_library() is not None:
        return
    with work.source.file(f"{name}{PROVENANCE}") as path:
        if path is not None:
            work.report.checked["wheels' attestations"] += 1
            yield from check_provenance(path, wheel, f"{name}{PROVENANCE}", work.signers)


def _read_manifest(work: Verification, name: str, path: Path) -> Iterator[Finding]:
    try:
        made = read_manifest(path)
    except ManifestError as error:
        yield Finding(name, error.why, "a manifest that `nox -s manifest` made")
        return
    work.manifests.append(made)
    work.projects.add(made.project)


def _manifest_findings(work: Verification) -> Iterator[Finding]:
    """Hold the checksums against the manifests: each wheel is in one, with its digests."""
    folder = "files/" if any(name.startswith("files/") for name in work.sums) else ""
    known = {f"{folder}{wheel.file}" for manifest in work.manifests for wheel in manifest.wheels}
    for name in sorted(set(work.sums) - known):
        if name.endswith(".whl"):
            yield Finding(name, "no manifest names it", "the wheels of releases alone")
    for manifest in work.manifests:
        for wheel in manifest.wheels:
            name = f"{folder}{wheel.file}"
            if name not in work.sums and manifest.channel == Channel.NIGHTLY:
                work.report.unverified.append(f"{name}: an old nightly that the index no longer has")
            else:
                yield from _wheel_findings(work, name, wheel, beside=bool(folder))


def _wheel_findings(work: Verification, name: str, wheel: ReleasedWheel, *, beside: bool) -> Iterator[Finding]:
    wanted = {name: wheel.sha256} | ({f"{name}{METADATA}": wheel.metadata_sha256} if beside else {})
    wanted |= {f"{name}{PROVENANCE}": wheel.provenance_sha256} if wheel.provenance_sha256 else {}
    for path, sha256 in wanted.items():
        if (found := work.sums.get(path)) != sha256:
            yield Finding(
                path, f"sha256 {found}" if found else f"not in {CHECKSUMS}", f"sha256 {sha256}, by its manifest"
            )


def _left_out(work: Verification) -> Iterator[str]:
    """Say what nobody looked at, so that silence means nothing."""
    yield f"who made {CHECKSUMS} and the manifests: nothing signs them"
    if work.tools.cuobjdump is None:
        yield "the audit of the wheels: there is no cuobjdump; RECORD was checked alone"
    wheels = [name for name in work.sums if name.endswith(".whl")]
    bare = [name for name in wheels if f"{name}{PROVENANCE}" not in work.sums]
    if bare:
        yield f"who built {len(bare)} of {len(wheels)} wheels: they have no attestations"
    if len(bare) < len(wheels):
        yield from _left_out_of_attestations(work)
    if strange := sorted((work.source.paths() or set()) - set(work.sums) - {CHECKSUMS}):
        yield f"{len(strange)} files that {CHECKSUMS} does not name, the first {strange[0]}"


def _left_out_of_attestations(work: Verification) -> Iterator[str]:
    if library := missing_library():
        yield f"the attestations: {library} is not installed"
        return
    if work.signers.repository is None:
        yield "whether the signers are the right ones: none was named (`--repository OWNER/NAME`)"
    if not work.signers.refresh:
        yield "whether Sigstore has withdrawn a key: its library's keys were used as they are (`--refresh` asks anew)"
    elif why := work.keys_fault:
        yield f"whether Sigstore has withdrawn a key: its library's keys were used as they are ({why})"


def _is_manifest(name: str) -> bool:
    return is_manifest(name) or ("/" not in name and name.endswith(".json") and name != "index.json")
