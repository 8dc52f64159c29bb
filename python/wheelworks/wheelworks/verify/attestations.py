"""Attestations of wheels (PEP 740): who signed which bytes, checked by Sigstore's own library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wheelworks.verify.report import Finding


@dataclass(frozen=True)
class Signers:
    """Who may sign, ``OWNER/NAME`` on GitHub, or anybody; and whether Sigstore is asked for its keys of today."""

    repository: str | None = None
    refresh: bool = False


def missing_library() -> str | None:
    """Return the name of the library that is not installed; None where attestations can be verified."""
    try:
        import pypi_attestations  # noqa: F401  # of the extra `verify`
    except ImportError as error:
        return error.name or "pypi-attestations"
    return None


def fetch_keys() -> str | None:
    """Have Sigstore's library fetch the keys of today; give why it could not, and then it keeps those that it has."""
    from sigstore.errors import Error  # of the extra `verify`
    from sigstore.verify import Verifier

    try:
        Verifier.production(offline=False)
    except Error as error:
        return str(error)
    return None


def check_provenance(provenance: Path, wheel: Path, name: str, signers: Signers) -> Iterator[Finding]:
    """Check all attestations of a wheel: their signatures, the digest that was signed, and the signer."""
    import pypi_attestations as library  # of the extra `verify`

    try:
        document = library.Provenance.model_validate_json(provenance.read_bytes())
        distribution = library.Distribution.from_file(wheel)
    except ValueError as error:
        yield Finding(name, f"it cannot be read: {error}", "attestations in the form of PEP 740")
        return
    pairs = [(bundle.publisher, each) for bundle in document.attestation_bundles for each in bundle.attestations]
    if not pairs:
        yield Finding(name, "no attestation", "one at least")
    for publisher, attestation in pairs:
        yield from _check(name, publisher, attestation, distribution, signers)


def _check(name: str, publisher: Any, attestation: Any, distribution: Any, signers: Signers) -> Iterator[Finding]:
    import pypi_attestations as library

    signer = publisher.repository if publisher.kind == "GitHub" else None  # a name on GitLab is another's
    if signers.repository is not None and signer != signers.repository:
        yield Finding(name, f"an attestation by {signer or publisher.kind}", f"one by {signers.repository}")
    try:
        attestation.verify(publisher, distribution, offline=True)
    except library.AttestationError as error:
        yield Finding(
            name,
            f"an attestation that does not hold: {error}",
            f"a signature by {signer or publisher.kind} of these bytes",
        )
