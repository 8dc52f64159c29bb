"""The commands from proved wheels to an index, in the folder of a project, as a release runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from release_maker import make_dist, small_matrix
from wheelworks.cli import release
from wheelworks.errors import IndexingError, ManifestError, VersionError

FULL = "warpwright-0.1.0+cu130-cp310-abi3-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"
CHANGELOG = "# Changelog\n\n## 0.1.0 - 2026-01-02\n\n- one\n"


@pytest.fixture
def workspace(tmp_path: Path, project: Path, matrix_data: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with proved wheels of a small matrix, as the current folder."""
    source = tmp_path / "python" / "warpwright" / "_version.py"
    source.parent.mkdir(parents=True)
    shutil.copy(project / "python" / "warpwright" / "_version.py", source)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    matrix = small_matrix(matrix_data)
    make_dist(tmp_path / "dist", matrix)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(release, "read_matrix", lambda: matrix)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1577836800")
    return tmp_path


def pages(workspace: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((workspace / "index/current/cu130/warpwright/index.json").read_text("utf-8"))
    return found


def test_proved_wheels_become_an_index_and_one_is_yanked(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release.version(tag="v0.1.0")
    release.manifest()
    path = Path("dist/warpwright-0.1.0.json")
    assert json.loads(path.read_text("utf-8"))["notes"] == "- one\n"
    release.index([path], dry_run=True)
    assert "write cu130/warpwright/index.html" in capsys.readouterr().out
    assert not (workspace / "index" / "current").exists()
    release.index([path])
    assert pages(workspace)["files"][0]["upload-time"] == "2020-01-01T00:00:00.000000Z"
    release.yank(FULL, reason="wrong results")
    assert pages(workspace)["files"][0]["yanked"] == "wrong results"
    release.yank(FULL)
    assert pages(workspace)["files"][0]["yanked"] is False


def test_the_same_input_gives_the_same_manifest(workspace: Path) -> None:
    release.manifest()
    before = (workspace / "dist/warpwright-0.1.0.json").read_bytes()
    release.manifest()
    assert (workspace / "dist/warpwright-0.1.0.json").read_bytes() == before


def test_a_wheel_that_was_built_again_does_not_replace_the_released_one(workspace: Path) -> None:
    release.manifest()
    release.index([Path("dist/warpwright-0.1.0.json")])
    path = workspace / "dist/warpwright-0.1.0.json"
    data = json.loads(path.read_text("utf-8"))
    data["wheels"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(data), "utf-8")
    with pytest.raises(IndexingError, match="would change"):
        release.index([path])


def test_a_release_without_text_in_the_changelog_stops(workspace: Path) -> None:
    (workspace / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- to come\n", encoding="utf-8")
    with pytest.raises(VersionError, match=r"CHANGELOG\.md has no text for 0\.1\.0"):
        release.manifest()


def test_the_plan_of_a_release_is_printed(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert workspace.exists()
    release.release("0.1.0", dry_run=True)
    shown = capsys.readouterr().out
    assert " 1. nox -s version -- --tag v0.1.0" in shown
    assert "The release's text:\n\n- one" in shown


def test_a_new_version_is_written_once_and_read_everywhere(workspace: Path) -> None:
    release.version("0.2.0.dev20260102")
    assert '__version__ = "0.2.0.dev20260102"' in (workspace / "python/warpwright/_version.py").read_text("utf-8")
    with pytest.raises(ManifestError, match=r"its file name says 0\.1\.0, and the release is 0\.2\.0\.dev20260102"):
        release.manifest(nightly=True)
