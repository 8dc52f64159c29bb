"""Proofs: what a stage has shown of one wheel, as versioned JSON beside it, bound to the wheel by its SHA-256.

The proofs of ``dist/NAME.whl`` stand in ``dist/proofs/NAME/``, one file for each kind.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from wheelworks import files
from wheelworks.errors import ProofError


class ProofKind(StrEnum):
    """What is proved; also the name of the file."""

    BUILD = "build"
    AUDIT = "audit"
    BILL = "bill"
    WHEEL_TESTS = "wheel-tests"
    GPU = "gpu"
    COMPAT = "compat"


class Proof(BaseModel):
    """Base of all proofs: the file name of the wheel and the digest of the very bytes that were looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    KIND: ClassVar[ProofKind]

    schema_: StrictInt = Field(default=1, alias="schema")
    wheel: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @field_validator("schema_")
    @classmethod
    def _is_of_this_kind(cls, schema: int) -> int:
        """Hold the version against that of the kind, which a kind that has changed sets as the field's default."""
        if schema != (known := cls.model_fields["schema_"].default):
            raise PydanticCustomError("schema", "Input should be {known}", {"known": known})
        return schema


AnyProof = TypeVar("AnyProof", bound=Proof)


def proof_path(wheel: Path, kind: ProofKind) -> Path:
    """Return the place of a wheel's proof."""
    return wheel.parent / "proofs" / wheel.stem / f"{kind}.json"


def write_proof(wheel: Path, proof: Proof) -> Path:
    """Write a proof beside its wheel, replacing an older one; give its path."""
    path = proof_path(wheel, proof.KIND)
    files.write_text(path, proof.model_dump_json(by_alias=True, indent=2) + "\n")
    return path


def read_proof(wheel: Path, model: type[AnyProof]) -> AnyProof:
    """Read a proof of a wheel; one that is missing, broken or of other bytes is a ProofError."""
    path = proof_path(wheel, model.KIND)
    fix = f"prove the wheel again: `nox -s {SESSIONS[model.KIND]}`"
    try:
        proof = model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ProofError(
            f"{wheel.name} has no {model.KIND} proof", why=f"cannot read {path}: {error}", fix=fix
        ) from error
    except ValidationError as error:
        raise ProofError(f"{path} is no {model.KIND} proof", why=str(error), fix=fix) from error
    if (proof.wheel, proof.sha256) != (found := (wheel.name, files.sha256_of(wheel))):
        why = f"it is of {proof.wheel} with sha256 {proof.sha256}, and this is {found[0]} with sha256 {found[1]}"
        raise ProofError(f"{path} proves another wheel", why=why, fix=fix)
    return proof


SESSIONS = {
    ProofKind.BUILD: "build-wheel",
    ProofKind.AUDIT: "audit -- WHEEL",
    ProofKind.BILL: "audit -- WHEEL",
    ProofKind.WHEEL_TESTS: "wheel-tests -- WHEEL",
    ProofKind.GPU: "gpu-tests -- WHEEL",
    ProofKind.COMPAT: "compat -- WHEEL",
}
"""The session that makes each kind of proof."""
