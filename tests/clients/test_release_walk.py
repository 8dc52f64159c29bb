"""The release workflow from a tag to an index that installs: its own steps, in their order, with folders for GitHub."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from client_kit.installers import Installer, Machine
from client_kit.served import PROJECT, serving
from github_kit.machines import Machines
from github_kit.workflow import Job, Project
from wheelworks import files
from wheelworks.index import CURRENT
from wheelworks.lanes import plan_lanes
from wheelworks.matrix import Matrix
from wheelworks.server import make_server
from wheelworks.versions import set_version

CHECKED_OUT = ("matrix.toml", "noxfile.py", "pyproject.toml", "python", "tests", ".github")
CHANGELOG = "# Changelog\n\n## 0.1.0 - 2026-01-02\n\n- the first release\n"
URL = 'url = "https://warpwright.example/"'
CONTEXT = {
    "github": {"token": "token"},
    "secrets": {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"},
    "vars": {"INDEX_BUCKET": "s3://wheels", "AWS_ENDPOINT_URL_S3": "https://s3.example"},
}
FEW_CELLS = "-k 'installer_gets and uv and 3.12' -p no:cacheprovider"


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that stands for the bucket of the public index."""
    return tmp_path_factory.mktemp("bucket") / "published"


@pytest.fixture(scope="module")
def host(bucket: Path) -> Iterator[str]:
    """Serve what is in the bucket; give its URL."""
    with make_server(bucket / CURRENT, 0, lambda _: None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, host: str) -> Path:
    """Return the project as a tag of version 0.1.0 would have it; its index is served by the host."""
    if request.config.getoption("--index") is not None:
        pytest.skip("the session is about the index that was named; a walk makes its own")
    folder = tmp_path_factory.mktemp("source")
    for name in CHECKED_OUT:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(PROJECT / name, folder / name)
    (folder / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    matrix = folder / "matrix.toml"
    assert matrix.read_text("utf-8").count(URL) == 1
    matrix.write_text(matrix.read_text("utf-8").replace(URL, f'url = "{host}"'), encoding="utf-8")
    return folder


def environment(tag: str, published: Path) -> dict[str, str]:
    return {
        "GITHUB_REF_NAME": tag,
        "PYTEST_ADDOPTS": FEW_CELLS,
        "SOURCE_DATE_EPOCH": "1577836800",
        "BUCKET_FOLDER": str(published),
    }


def walk(source: Path, machines: Machines) -> Machines:
    Project(source, CONTEXT).run("release.yml", machines)
    return machines


@pytest.fixture(scope="module")
def walked(source: Path, bucket: Path, tmp_path_factory: pytest.TempPathFactory) -> Machines:
    return walk(source, Machines(source, tmp_path_factory.mktemp("walk"), environment("v0.1.0", bucket)))


def manifest_of(machines: Machines) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((machines.artefacts / "release/warpwright-0.1.0.json").read_text("utf-8"))
    return found


def test_a_tag_becomes_a_manifest_of_every_released_lane(walked: Machines, matrix: Matrix) -> None:
    lanes = sorted(wheel["lane"] for wheel in manifest_of(walked)["wheels"])
    assert lanes == sorted(lane.name for lane in plan_lanes(matrix) if not lane.test_only)
    assert manifest_of(walked)["notes"] == "- the first release\n"


def test_what_is_attested_is_what_the_manifest_names(walked: Machines) -> None:
    wheels = {wheel["file"] for wheel in manifest_of(walked)["wheels"]}
    assert wheels | {"warpwright-0.1.0.json"} <= set(walked.attested)


def test_the_github_release_is_public_whole_and_says_what_changed(walked: Machines) -> None:
    folder = walked.releases / "v0.1.0"
    assert json.loads((folder / "release.json").read_text("utf-8")) == {
        "draft": False,
        "notes": "- the first release\n",
    }
    for wheel in manifest_of(walked)["wheels"]:
        assert files.sha256_of(folder / wheel["file"]) == wheel["sha256"]


def test_users_install_the_release_from_the_public_index(
    walked: Machines, bucket: Path, dependencies: Path, tmp_path: Path, uv_client: Installer
) -> None:
    assert walked.ran[-1].startswith("nox -s publish -- s3")
    machine = Machine("3.12", "x86_64")
    with serving(bucket, dependencies, tmp_path / "nginx") as served:
        done = uv_client.fetch(["warpwright==0.1.0"], f"{served.nginx.url}cu130/", machine, tmp_path / "got")
    assert done.ok, done.output
    assert (tmp_path / "got" / "warpwright-0.1.0+cu130.dist-info").is_dir()


def test_a_second_release_is_added_to_the_first(walked: Machines, source: Path, bucket: Path, tmp_path: Path) -> None:
    next_one = shutil.copytree(source, tmp_path / "source")
    set_version(next_one, Version("0.2.0"))
    (next_one / "CHANGELOG.md").write_text(CHANGELOG.replace("0.1.0", "0.2.0"), encoding="utf-8")
    before = {path.name: files.sha256_of(path) for path in (bucket / "files").iterdir()}
    machines = walk(next_one, Machines(next_one, tmp_path / "walk", environment("v0.2.0", bucket)))
    assert {path.name: files.sha256_of(path) for path in (bucket / "files").iterdir()}.items() >= before.items()
    assert {path.name for path in (bucket / CURRENT / "manifests").glob("warpwright-*")} == {
        "warpwright-0.1.0.json",
        "warpwright-0.2.0.json",
    }
    assert machines.jobs == walked.jobs


def test_a_tag_of_another_version_stops_the_release_at_its_first_step(source: Path, tmp_path: Path) -> None:
    with pytest.raises(
        AssertionError, match=r"job version: .* ended with[\s\S]*the tag v0\.2\.0 is not of this source"
    ):
        walk(source, Machines(source, tmp_path, environment("v0.2.0", tmp_path / "published")))
    assert not (tmp_path / "artefacts").exists()


class Forgetful(Machines):
    """Loses the proofs that a job made."""

    def upload(self, job: Job, words: Mapping[str, str]) -> None:
        if job.name != "compat":
            super().upload(job, words)


def test_a_proof_that_is_lost_on_the_way_stops_the_release(source: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"`nox -s manifest -- dist` ended with[\s\S]*no compat proof"):
        walk(source, Forgetful(source, tmp_path, environment("v0.1.0", tmp_path / "published")))
    assert not (tmp_path / "releases").exists()
    assert not (tmp_path / "published").exists()
