"""What a wheel's proofs say, kind by kind: whether each holds, and in one sentence what it shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from wheelworks import files
from wheelworks.audit import AuditProof
from wheelworks.bill import BillProof, sum_rows
from wheelworks.build import BuildProof
from wheelworks.compat import Compat
from wheelworks.errors import ProofError
from wheelworks.gpu_tests import GpuProof
from wheelworks.manifest.model import ProofEntry
from wheelworks.proof import AnyProof, Proof, ProofKind, proof_path, read_proof
from wheelworks.sm import words
from wheelworks.wheel_tests import Report

Verdict = tuple[bool, str]


def read_entry(wheel: Path, kind: ProofKind, sms: Sequence[str]) -> ProofEntry:
    """Read and judge a proof of a wheel with code for ``sms``; one that cannot be read is a ProofError."""
    match kind:
        case ProofKind.BUILD:
            return _entry(wheel, BuildProof, _judge_build)
        case ProofKind.AUDIT:
            return _entry(wheel, AuditProof, _judge_audit)
        case ProofKind.WHEEL_TESTS:
            return _entry(wheel, Report, _judge_report)
        case ProofKind.BILL:
            return _entry(wheel, BillProof, _judge_bill, _sums)
        case ProofKind.GPU:
            return _entry(wheel, GpuProof, partial(_judge_gpu, sms=sms, commit=_commit_of(wheel)))
        case ProofKind.COMPAT:
            return _entry(wheel, Compat, _judge_compat)


def _whole(proof: Proof) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(proof.model_dump_json(by_alias=True))
    return found


def _sums(proof: BillProof) -> dict[str, Any]:
    """Return a bill's sums: its thousands of lines have their digest, and stand in the wheel."""
    rows = [row.model_dump(mode="json") for row in sum_rows(proof.bill)]
    return {"lane": proof.lane, "wheel_bytes": proof.wheel_bytes, "rows": rows}


def _entry(
    wheel: Path,
    model: type[AnyProof],
    judge: Callable[[AnyProof], Verdict],
    content: Callable[[AnyProof], dict[str, Any]] = _whole,
) -> ProofEntry:
    proof = read_proof(wheel, model)
    path = proof_path(wheel, model.KIND)
    if path.is_symlink():
        raise ProofError(f"{path} is refused", why="it is a symbolic link", fix="prove the wheel again")
    holds, summary = judge(proof)
    digest = files.sha256_of(path)
    return ProofEntry(kind=model.KIND, sha256=digest, holds=holds, summary=summary[:1000], content=content(proof))


def _judge_build(proof: BuildProof) -> Verdict:
    cache = f", ccache {proof.cache.hits} hits, {proof.cache.misses} misses" if proof.cache else ""
    commit = proof.commit or "no commit"
    lacks = [f"with a developer's {', '.join(sorted(proof.defines))}"] if proof.defines else []
    lacks += [f"as {proof.build_type}"] if proof.build_type != "Release" else []
    lacks += ["without --release"] if not proof.release else []
    holds = proof.commit is not None and "-dirty" not in commit and not lacks
    return holds, ", ".join([f"built in {proof.seconds:.0f} s from {commit}{cache}", *lacks])


def _judge_audit(proof: AuditProof) -> Verdict:
    if not proof.findings:
        return True, f"no findings; {len(proof.skipped)} rules did not apply"
    first = proof.findings[0]
    return False, f"{len(proof.findings)} findings, the first {first.rule} in {first.artefact}: {first.found}"


def _judge_report(proof: Report) -> Verdict:
    skipped = sum(proof.skipped.values())
    return proof.ok, f"{proof.passed} passed, {proof.failed} failed, {skipped} skipped"


def _judge_bill(proof: BillProof) -> Verdict:
    kernels = proof.bill.kernels
    size = sum(kernel.bytes for kernel in kernels) / 1024
    shown = f"{len(kernels)} kernels for SM {words(proof.bill.sms)}, {size:.0f} KiB of code, read from the binary"
    return bool(kernels), shown


def _commit_of(wheel: Path) -> str | None:
    """Return the commit in the build proof of these very bytes; None where there is no such proof."""
    try:
        return read_proof(wheel, BuildProof).commit
    except ProofError:
        return None


def _judge_gpu(proof: GpuProof, sms: Sequence[str], commit: str | None) -> Verdict:
    """Judge the runs; an SM whose code no GPU has run is not proved, nor is one by a wheel of another commit."""
    passed = sum(run.passed for run in proof.runs)
    shown = f"{passed} passed in {len(proof.runs)} runs on {proof.machine.device}, torch {proof.machine.torch}"
    lacks = [*proof.lacks()]
    if untested := proof.untested(sms):
        lacks.append(f"no good run of SM {' '.join(untested)}")
    if strangers := proof.strangers(commit):
        paths = ", ".join(run.path for run in strangers)
        lacks.append(f"the wheels of path {paths} are not known to be of this wheel's commit, {commit or 'unknown'}")
    return not lacks, "; ".join([shown, *lacks])


def _judge_compat(proof: Compat) -> Verdict:
    """Judge the table; a cell that could not be made is named and does not count against the wheel."""
    return proof.holds, proof.summary
