"""Proofs are bound to the bytes of a wheel: one of other bytes, or none, is refused with what makes it anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from wheelworks import files
from wheelworks.audit import Audit, AuditProof
from wheelworks.errors import ProofError
from wheelworks.proof import proof_path, read_proof, write_proof


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "warpwright-0.1.0+cu130-cp310-abi3-linux_x86_64.whl"
    path.write_bytes(b"a wheel")
    return path


@pytest.fixture
def proof(wheel: Path) -> AuditProof:
    return Audit(wheel, files.sha256_of(wheel), "cu130-all-x86_64", (), ()).to_proof()


def test_a_proof_is_read_as_it_was_written(wheel: Path, proof: AuditProof) -> None:
    path = write_proof(wheel, proof)
    assert path == wheel.parent / "proofs" / wheel.stem / "audit.json"
    assert read_proof(wheel, AuditProof) == proof


def test_a_wheel_without_proof_names_the_session_that_makes_it(wheel: Path) -> None:
    with pytest.raises(ProofError, match=r"has no audit proof[\s\S]*nox -s audit -- WHEEL"):
        read_proof(wheel, AuditProof)


def test_a_proof_of_other_bytes_is_refused(wheel: Path, proof: AuditProof) -> None:
    write_proof(wheel, proof)
    wheel.write_bytes(b"another wheel")
    with pytest.raises(ProofError, match="proves another wheel"):
        read_proof(wheel, AuditProof)


@pytest.mark.parametrize("text", ["", "{}", '{"schema": 2}'], ids=["empty", "nothing", "newer schema"])
def test_a_broken_proof_is_refused(text: str, wheel: Path, proof: AuditProof) -> None:
    write_proof(wheel, proof)
    proof_path(wheel, proof.KIND).write_text(text, encoding="utf-8")
    with pytest.raises(ProofError, match="is no audit proof"):
        read_proof(wheel, AuditProof)
