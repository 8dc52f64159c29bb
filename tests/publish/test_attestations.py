"""Signatures that a workflow made for a real release: Sigstore's own library tells them from any other."""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from release_maker import CREATED, NOTICES, make_dist, policy_of
from wheelworks.audit import Tools
from wheelworks.index import update_index
from wheelworks.manifest import Channel, Release, collect_release
from wheelworks.matrix import Matrix
from wheelworks.process import run
from wheelworks.verify import Signers, open_source, verify
from wheelworks.verify.attestations import check_provenance

# This release has, for tests of its own, an earlier one of itself with what PyPI serves of its attestations.
LIBRARY = "pypi-attestations==0.0.30 --hash=sha256:14ff13c76bbef02a483c2b77532da02bfd746b5141b881f355e06b9807434423\n"
ATTESTED = "pypi_attestations-0.0.19.tar.gz"
REPOSITORY = "trailofbits/pypi-attestations"
BROKEN = "an attestation that does not hold: Verification failed: "

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attested")
    (folder / "wanted.txt").write_text(LIBRARY, encoding="utf-8")
    words = ["download", "--no-deps", "--no-binary=:all:", "--require-hashes", "-r", str(folder / "wanted.txt")]
    done = run([sys.executable, "-m", "pip", *words, "--dest", folder])
    assert done.ok, done.output
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        for name in (ATTESTED, f"{ATTESTED}.provenance"):
            member = archive.extractfile(f"pypi_attestations-0.0.30/test/assets/{name}")
            assert member is not None
            (folder / name).write_bytes(member.read())
    return folder


@pytest.fixture
def provenance(assets: Path) -> Path:
    return assets / f"{ATTESTED}.provenance"


def said(provenance: Path, file: Path, signers: Signers) -> list[str]:
    return [finding.found for finding in check_provenance(provenance, file, provenance.name, signers)]


def test_the_signature_of_a_workflow_holds(assets: Path, provenance: Path) -> None:
    assert said(provenance, assets / ATTESTED, Signers(REPOSITORY)) == []


def test_the_signature_of_another_repository_is_found(assets: Path, provenance: Path) -> None:
    assert said(provenance, assets / ATTESTED, Signers("warpwright/warpwright")) == [f"an attestation by {REPOSITORY}"]


def test_other_bytes_under_the_signed_name_are_found(tmp_path: Path, provenance: Path) -> None:
    (tmp_path / ATTESTED).write_bytes(b"other bytes")
    found = said(provenance, tmp_path / ATTESTED, Signers())
    assert found == [f"{BROKEN}subject does not match distribution digest"]


def test_another_name_for_the_signed_bytes_is_found(assets: Path, tmp_path: Path, provenance: Path) -> None:
    other = tmp_path / ATTESTED.replace("0.0.19", "0.0.20")
    other.write_bytes((assets / ATTESTED).read_bytes())
    assert said(provenance, other, Signers())[0].startswith(f"{BROKEN}subject does not match")


def claim(document: dict[str, Any]) -> None:
    document["attestation_bundles"][0]["publisher"]["repository"] = "warpwright/warpwright"


def drop(document: dict[str, Any]) -> None:
    document["attestation_bundles"] = []


def move(document: dict[str, Any]) -> None:
    """Name a repository of the same name at another host, whose owner may be anybody."""
    document["attestation_bundles"][0]["publisher"] = {
        "kind": "GitLab",
        "repository": REPOSITORY,
        "workflow_filepath": ".gitlab-ci.yml",
    }


def spoil(document: dict[str, Any]) -> None:
    envelope = document["attestation_bundles"][0]["attestations"][0]["envelope"]
    envelope["signature"] = envelope["signature"][:-8] + "AAAAAAA="


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (claim, BROKEN),
        (spoil, f"{BROKEN}DSSE: invalid signature"),
        (move, "an attestation by GitLab"),
        (drop, "no attestation"),
        (dict.clear, "it cannot be read: "),
    ],
    ids=["a claim of another repository", "a spoiled signature", "another host", "no signature", "nothing"],
)
def test_changed_attestations_are_found(
    change: Change, found: str, assets: Path, tmp_path: Path, provenance: Path
) -> None:
    document = json.loads(provenance.read_text("utf-8"))
    change(document)
    (tmp_path / provenance.name).write_text(json.dumps(document), encoding="utf-8")
    findings = said(tmp_path / provenance.name, assets / ATTESTED, Signers(REPOSITORY))
    assert any(finding.startswith(found) for finding in findings), findings


@pytest.mark.parametrize("refresh", [False, True])
def test_a_whole_index_is_verified_with_its_attestations_and_says_whose_keys_it_used(
    refresh: bool, tmp_path: Path, matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # no network
    dist = make_dist(tmp_path / "dist", matrix)
    for wheel in dist.glob("*.whl"):
        wheel.with_name(f"{wheel.name}.provenance").write_text("{}", encoding="utf-8")
    made = collect_release([dist], matrix, Release(Version("0.1.0"), Channel.RELEASE, CREATED, ""))
    update_index(tmp_path / "index", NOTICES, methodcaller("with_manifest", made), wheels=dist)
    source, tools = open_source(str(tmp_path / "index")), Tools(run, None)
    report = verify(source, policy_of(matrix), tools, Signers(refresh=refresh), on_file=lambda _: None)
    assert [finding.path for finding in sorted(report.findings)] == [f"files/{w.file}.provenance" for w in made.wheels]
    assert all(finding.found.startswith("it cannot be read: ") for finding in report.findings)
    whose = "Failed to refresh TUF metadata" if refresh else "`--refresh` asks anew"
    assert report.unverified[-2:] == [
        "whether the signers are the right ones: none was named (`--repository OWNER/NAME`)",
        f"whether Sigstore has withdrawn a key: its library's keys were used as they are ({whose})",
    ]
