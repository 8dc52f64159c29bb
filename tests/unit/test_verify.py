"""The verification of an index: every kind of change is found, all of them at once, and what was left out is said."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from release_maker import (
    CREATED,
    NOTICES,
    make_dist,
    make_index,
    make_release,
    make_wheel,
    policy_of,
    released_lanes,
    small_matrix,
)
from wheelworks import files
from wheelworks.audit import Tools
from wheelworks.checksums import NAME as CHECKSUMS
from wheelworks.checksums import read_checksums, write_checksums
from wheelworks.cli import verify as command
from wheelworks.cli.release import release_checksums
from wheelworks.errors import ToolchainError, VerifyError
from wheelworks.index import CURRENT, update_index
from wheelworks.manifest import Channel, Release, collect_release, manifest_name, to_json
from wheelworks.matrix import Matrix
from wheelworks.process import run
from wheelworks.server import HOST, make_server
from wheelworks.verify import Report, Signers, open_source, verify
from wheelworks.verify.wheels import check_wheel

FULL = "warpwright-0.1.0+cu130-cp310-abi3-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"
Look = Callable[[str], Report]


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sync", lambda: None)


@pytest.fixture
def matrix(matrix_data: dict[str, Any]) -> Matrix:
    return small_matrix(matrix_data)


@pytest.fixture
def look(matrix: Matrix) -> Look:
    """Verify a place without the audit, which has tests of its own."""
    tools = Tools(run, None)
    return lambda place: verify(open_source(place), policy_of(matrix), tools, Signers(), on_file=lambda _: None)


@pytest.fixture
def tree(tmp_path: Path, matrix: Matrix) -> Path:
    """Return what a server of an index serves."""
    return (make_index(tmp_path, matrix) / CURRENT).resolve()


@pytest.fixture
def url(tree: Path) -> Iterator[str]:
    with make_server(tree, 0, lambda _: None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{HOST}:{server.server_port}/"
        server.shutdown()
        thread.join()


def found(report: Report) -> list[tuple[str, str]]:
    return [(finding.path, finding.found) for finding in sorted(report.findings)]


def change(tree: Path, path: str, data: bytes, *, listed: bool) -> None:
    """Change a file, and where asked its line in the checksums too."""
    (tree / path).write_bytes(data)
    if listed:
        sums = read_checksums((tree / CHECKSUMS).read_bytes()) | {path: hashlib.sha256(data).hexdigest()}
        (tree / CHECKSUMS).write_text(write_checksums(sums.items()), encoding="utf-8")


def test_an_index_without_fault_passes_and_says_what_was_not_verified(look: Look, tree: Path) -> None:
    report = look(str(tree.parents[1]))
    assert found(report) == []
    assert report.checked["wheels"] == 3
    assert report.checked["pages for installers"] == 8
    assert report.unverified == [
        "who made SHA256SUMS and the manifests: nothing signs them",
        "the audit of the wheels: there is no cuobjdump; RECORD was checked alone",
        "who built 3 of 3 wheels: they have no attestations",
    ]


def test_a_server_is_verified_like_the_folder(look: Look, tree: Path, url: str) -> None:
    assert str(look(url)) == str(look(str(tree.parents[1])))
    (tree / "files" / FULL).unlink()
    change(tree, "cu130/index.html", b"another page", listed=False)
    assert found(look(url)) == [
        ("cu130/index.html", f"sha256 {hashlib.sha256(b'another page').hexdigest()}"),
        (f"files/{FULL}", "no such file"),
    ]


def test_a_changed_wheel_is_found_by_its_hash_and_by_its_inside(look: Look, tree: Path) -> None:
    with zipfile.ZipFile(tree / "files" / FULL, "a") as archive:
        archive.writestr("warpwright/more.py", b"print('hello')")
    digest = files.sha256_of(tree / "files" / FULL)
    info = "warpwright-0.1.0+cu130.dist-info"
    assert found(look(str(tree))) == [
        (f"files/{FULL}", f"record: {info}/RECORD: no line for warpwright/more.py"),
        (f"files/{FULL}", f"sha256 {digest}"),
    ]


def test_a_wheel_that_was_changed_with_its_checksum_contradicts_its_manifest(look: Look, tree: Path) -> None:
    change(tree, f"files/{FULL}", b"no wheel", listed=True)
    report = look(str(tree))
    digest = hashlib.sha256(b"no wheel").hexdigest()
    assert (f"files/{FULL}", f"sha256 {digest}") in found(report)
    assert any(finding.expected.endswith("by its manifest") for finding in report.findings)
    page = [said for path, said in found(report) if path == "cu130/warpwright/index.html"]
    assert page == [f"files/{FULL} with sha256 {json_of(tree)['wheels'][0]['sha256']}"]


def json_of(tree: Path) -> Any:
    return json.loads((tree / "manifests/warpwright-0.1.0.json").read_text("utf-8"))


@pytest.mark.parametrize("form", ["html", "json"])
def test_a_page_that_leads_elsewhere_is_found(form: str, look: Look, tree: Path) -> None:
    path = f"cu130/warpwright/index.{form}"
    text = (tree / path).read_text("utf-8").replace("../../files/", "https://elsewhere.example/")
    change(tree, path, text.encode(), listed=True)
    assert found(look(str(tree))) == [(path, f"a link to https://elsewhere.example/{FULL.replace('+', '%2B')}")]


def test_a_page_with_the_digest_of_other_metadata_is_found(look: Look, tree: Path) -> None:
    path = "cu130/warpwright/index.json"
    page = json.loads((tree / path).read_text("utf-8"))
    page["files"][0]["core-metadata"]["sha256"] = "0" * 64
    change(tree, path, json.dumps(page).encode(), listed=True)
    assert found(look(str(tree))) == [(path, f"the metadata of files/{FULL} with sha256 {'0' * 64}")]


def test_metadata_that_is_not_that_of_the_wheel_is_found(look: Look, tree: Path) -> None:
    change(tree, f"files/{FULL}.metadata", b"Metadata-Version: 2.4\n", listed=True)
    assert (f"files/{FULL}.metadata", "other text than the METADATA in the wheel") in found(look(str(tree)))


def test_a_broken_manifest_is_a_finding_and_the_rest_is_still_read(look: Look, tree: Path) -> None:
    change(tree, "manifests/warpwright-0.1.0.json", b"{}", listed=True)
    report = look(str(tree))
    assert report.checked["wheels"] == 3
    assert [said for path, said in found(report) if path.endswith(".whl")] == ["no manifest names it"] * 3
    assert any(path == "manifests/warpwright-0.1.0.json" and "Field required" in said for path, said in found(report))


def test_a_link_out_of_the_folder_is_not_followed(look: Look, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "page").write_bytes((tree / "index.html").read_bytes())
    (tree / "index.html").unlink()
    (tree / "index.html").symlink_to(tmp_path / "page")
    assert found(look(str(tree))) == [("index.html", "no such file")]


def test_a_stranger_is_told_and_is_no_finding(look: Look, tree: Path) -> None:
    (tree / "robots.txt").write_text("User-agent: *", encoding="utf-8")
    report = look(str(tree))
    assert found(report) == []
    assert "1 files that SHA256SUMS does not name, the first robots.txt" in report.unverified


def test_a_nightly_that_was_pruned_is_told(look: Look, tmp_path: Path, matrix: Matrix) -> None:
    for number in range(NOTICES.nightlies + 1):
        folder = make_index(tmp_path, matrix, f"0.2.0.dev{number}", Channel.NIGHTLY)
    report = look(str(folder))
    assert found(report) == []
    assert any("0.2.0.dev0+cu130" in line and "an old nightly" in line for line in report.unverified)


@pytest.mark.parametrize(
    ("sboms", "said"),
    [
        ({}, ["no software bill of materials"]),
        ({"a.cdx.json": b"[]"}, ["warpwright-0.1.0+cu130.dist-info/sboms/a.cdx.json is no CycloneDX document"]),
        ({"a.cdx.json": b'{"bomFormat": "CycloneDX"}'}, []),
    ],
    ids=["none", "no document", "a document"],
)
def test_a_wheel_without_a_bill_of_materials_is_found(
    sboms: dict[str, bytes], said: list[str], tmp_path: Path, matrix: Matrix
) -> None:
    inner = {f"warpwright-0.1.0+cu130.dist-info/sboms/{name}": data for name, data in sboms.items()}
    path = make_wheel(tmp_path, matrix, released_lanes(matrix)[0], files=inner)
    findings = check_wheel(path, path.name, policy_of(matrix), Tools(run, None))
    assert [finding.found for finding in findings] == said


def test_attestations_that_nothing_can_verify_are_told(
    look: Look, tmp_path: Path, matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    dist = make_dist(tmp_path / "dist", matrix)
    for wheel in dist.glob("*.whl"):
        wheel.with_name(f"{wheel.name}.provenance").write_text("{}", encoding="utf-8")
    made = collect_release([dist], matrix, Release(Version("0.1.0"), Channel.RELEASE, CREATED, ""))
    update_index(tmp_path / "index", NOTICES, methodcaller("with_manifest", made), wheels=dist)
    monkeypatch.setitem(sys.modules, "pypi_attestations", None)
    report = look(str(tmp_path / "index"))
    assert found(report) == []
    assert report.unverified[-1] == "the attestations: pypi_attestations is not installed"


def test_a_release_beside_its_checksums_is_verified(look: Look, tmp_path: Path, matrix: Matrix) -> None:
    made = make_release(tmp_path, matrix)
    path = tmp_path / manifest_name(made)
    path.write_text(to_json(made), encoding="utf-8")
    (tmp_path / CHECKSUMS).write_text(release_checksums(made, path), encoding="utf-8")
    assert found(look(str(tmp_path))) == []
    (tmp_path / FULL).write_bytes(b"no wheel")
    assert (FULL, f"sha256 {hashlib.sha256(b'no wheel').hexdigest()}") in found(look(str(tmp_path)))


def test_what_is_no_index_is_refused(look: Look, tmp_path: Path, url: str) -> None:
    with pytest.raises(VerifyError, match=r"it has no SHA256SUMS\n  fix: name the root of an index"):
        look(str(tmp_path / "0.1.0"))
    with pytest.raises(VerifyError, match=r"it has no SHA256SUMS"):
        look(f"{url}cu130/")
    with pytest.raises(VerifyError, match="it is neither a folder nor a URL"):
        look(str(tmp_path / "nowhere"))
    with pytest.raises(VerifyError, match=r"cannot read http://127\.0\.0\.1:9/SHA256SUMS"):
        look("http://127.0.0.1:9/")


def test_the_command_tells_all_findings_and_then_fails(
    tree: Path, matrix: Matrix, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_toolchain(*_: object) -> None:
        raise ToolchainError("cannot make the toolchain", why="no network", fix="try later")

    monkeypatch.setattr(command, "read_matrix", lambda: matrix)
    monkeypatch.setattr(command, "make_toolchain", no_toolchain)
    command.verify(str(tree))
    shown = capsys.readouterr().out
    assert "no audit is made: cannot make the toolchain" in shown
    assert shown.endswith("0 findings\n")
    change(tree, "index.html", b"1", listed=False)
    change(tree, f"files/{FULL}.metadata", b"2", listed=False)
    with pytest.raises(VerifyError, match=r"3 findings in 2 files of") as told:
        command.verify(str(tree), audit=False)
    assert told.value.exit_code == 38
    assert "index.html\n  found: sha256" in capsys.readouterr().out
