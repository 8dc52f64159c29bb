"""A release on real package servers, sent by twine: what is there is not sent again, and nothing replaces it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from client_kit.installers import uv
from client_kit.servers import PackageServer
from release_maker import make_release
from wheel_maker import WheelMaker
from wheelworks import files
from wheelworks.cli import publish as commands
from wheelworks.errors import ConflictError, PublishError
from wheelworks.manifest import Manifest, manifest_name, to_json
from wheelworks.matrix import Matrix
from wheelworks.process import run_open
from wheelworks.publish import publish_to_server, read_wheels
from wheelworks.publish.package_index import check_labels, read_server


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    return tmp_path / "dist"


@pytest.fixture
def made(dist: Path, matrix: Matrix) -> Manifest:
    made = make_release(dist, matrix)
    (dist / manifest_name(made)).write_text(to_json(made), encoding="utf-8")
    return made


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "server" in request.fixturenames:
        server: PackageServer = request.getfixturevalue("server")
        monkeypatch.setenv("TWINE_USERNAME", server.user)
        monkeypatch.setenv("TWINE_PASSWORD", server.password)


def send(server: PackageServer, manifest: Path, *, dry_run: bool = False) -> None:
    commands.pypi(manifest, upload=server.upload, simple=server.simple, dry_run=dry_run)


def listed(server: PackageServer, made: Manifest, dist: Path) -> dict[str, str]:
    return read_server(server.simple, made.project, read_wheels(made, dist))


def test_uv_installs_what_was_sent(server: PackageServer, made: Manifest, dist: Path, tmp_path: Path) -> None:
    send(server, dist / manifest_name(made))
    assert listed(server, made, dist) == {wheel.file: wheel.sha256 for wheel in made.wheels}
    done = uv(
        "pip", "install", "warpwright==0.1.0+cu130", "--no-deps", "--no-cache", "--python-version=3.12", "--target",
        tmp_path / "got", "--python-platform=x86_64-manylinux_2_28", "--index-url", server.simple,
    )  # fmt: skip
    assert done.ok, done.output
    assert (tmp_path / "got" / "warpwright" / "_build.json").is_file()


def test_a_dry_run_sends_nothing(
    server: PackageServer, made: Manifest, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    send(server, dist / manifest_name(made), dry_run=True)
    assert f"send {made.wheels[0].file} (" in capsys.readouterr().out
    assert listed(server, made, dist) == {}


def test_an_upload_that_was_cut_off_goes_on(
    server: PackageServer, made: Manifest, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *rest = read_wheels(made, dist)
    only = made.model_copy(update={"wheels": made.wheels[:1]})
    sent = publish_to_server(
        only, [first], upload=server.upload, simple=server.simple, dry_run=False, run=run_open, show=lambda _: None
    ).sent
    assert sent == (first,)
    send(server, dist / manifest_name(made))
    assert f"{len(rest)} to send, 1 there already" in capsys.readouterr().out
    assert set(listed(server, made, dist)) == {wheel.file for wheel in made.wheels}
    send(server, dist / manifest_name(made))
    assert f"0 to send, {len(made.wheels)} there already" in capsys.readouterr().out


def test_another_hash_on_the_server_stops_everything(
    server: PackageServer, made: Manifest, dist: Path, tmp_path: Path
) -> None:
    wheel = made.wheels[-1]
    version, tag = wheel.file.removeprefix("warpwright-").removesuffix(".whl").split("-", 1)
    other = WheelMaker(version=version, tag=tag, files={"warpwright/other.py": b""}).make(tmp_path / "other")
    assert other.name == wheel.file
    done = run_open(
        [sys.executable, "-m", "twine", "upload", "--non-interactive", "--repository-url", server.upload, other]
    )
    assert done.ok, done.output
    with pytest.raises(ConflictError, match=f"the target has sha256 {files.sha256_of(other)}"):
        send(server, dist / manifest_name(made))
    assert list(listed(server, made, dist)) == [wheel.file]


def test_a_server_that_refuses_is_told_in_its_words(
    server: PackageServer, made: Manifest, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWINE_PASSWORD", "wrong")
    broken = PackageServer(f"{server.upload}nowhere/", server.simple, server.user, "wrong")
    with pytest.raises(PublishError, match=f"did not take {made.wheels[0].file.split('+')[0]}") as told:
        send(broken, dist / manifest_name(made))
    assert "HTTPError: 4" in str(told.value)
    assert listed(server, made, dist) == {}


def test_a_server_that_is_not_there_is_named(made: Manifest, dist: Path) -> None:
    with pytest.raises(PublishError, match="cannot read http://127.0.0.1:9/simple/"):
        send(PackageServer("http://127.0.0.1:9/", "http://127.0.0.1:9/simple/", "", ""), dist / manifest_name(made))


def test_a_wheel_with_a_label_is_not_sent_to_a_public_index(made: Manifest) -> None:
    with pytest.raises(PublishError, match=r"would refuse warpwright-0\.1\.0\+cu130[^ ]* and 2 more"):
        check_labels(made, "https://upload.pypi.org/legacy/")
