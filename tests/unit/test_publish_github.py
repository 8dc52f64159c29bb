"""The commands for a GitHub release, and a gh of the tests' own that keeps a release in a file."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from release_maker import make_release, small_matrix
from wheelworks import files
from wheelworks.checksums import NAME as CHECKSUMS
from wheelworks.cli import publish as commands
from wheelworks.cli.release import release_checksums
from wheelworks.errors import ConflictError, PublishError
from wheelworks.manifest import manifest_name, to_json
from wheelworks.publish.github import Asset, Attachment, Seen, plan_commands
from wheelworks.publish.plan import Item, Stage

GH = """#!{python}
import hashlib, json, pathlib, sys
state = pathlib.Path({state!r})
words = sys.argv[1:]
with pathlib.Path({log!r}).open("a") as log:
    print(json.dumps(words), file=log)
known = json.loads(state.read_text()) if state.exists() else None
match words[:2]:
    case ["release", "view"]:
        if known is None:
            sys.exit("release not found")
        print(json.dumps(known))
        sys.exit()
    case ["release", "create"]:
        known = {{"isDraft": "--draft" in words, "assets": []}}
    case ["release", "delete-asset"]:
        known["assets"] = [asset for asset in known["assets"] if asset["name"] != words[3]]
    case ["release", "upload"]:
        for path in map(pathlib.Path, words[3:]):
            if any(asset["name"] == path.name for asset in known["assets"]):
                sys.exit("asset under the same name already exists")
            data = path.read_bytes() if {honest} else b"other bytes"
            digest = "sha256:" + hashlib.sha256(data).hexdigest()
            known["assets"].append({{"name": path.name, "state": "uploaded", "digest": digest}})
            state.write_text(json.dumps(known))
            if {dies}:
                sys.exit("connection reset")
    case ["release", "edit"]:
        known["isDraft"] = "--draft=false" not in words
state.write_text(json.dumps(known))
"""


class Hub:
    """A folder with a gh in it, what that keeps, and the commands that it got."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state, self.log, self.program = folder / "state.json", folder / "log", folder / "bin" / "gh"
        self.program.parent.mkdir(parents=True)
        self.behave()
        monkeypatch.setenv("PATH", f"{self.program.parent}:/usr/bin:/bin")

    def behave(self, *, honest: bool = True, dies: bool = False) -> None:
        text = GH.format(python=sys.executable, state=str(self.state), log=str(self.log), honest=honest, dies=dies)
        self.program.write_text(text, encoding="utf-8")
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    @property
    def release(self) -> Any:
        return json.loads(self.state.read_text("utf-8")) if self.state.exists() else None

    @property
    def words(self) -> list[str]:
        return [json.loads(line)[1] for line in self.log.read_text("utf-8").splitlines()]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    return Hub(tmp_path / "hub", monkeypatch)


@pytest.fixture
def manifest(tmp_path: Path, matrix_data: dict[str, Any]) -> Path:
    """Make a release with its checksums, and give the path of its manifest."""
    dist = tmp_path / "dist"
    made = make_release(dist, small_matrix(matrix_data))
    path = dist / manifest_name(made)
    path.write_text(to_json(made), encoding="utf-8")
    (dist / CHECKSUMS).write_text(release_checksums(made, path), encoding="utf-8")
    return path


@pytest.fixture
def wanted(tmp_path: Path) -> Attachment:
    paths = [tmp_path / name for name in ("a.whl", "b.whl")]
    for path in paths:
        path.write_text(path.name, encoding="utf-8")
    items = tuple(Item(path.name, files.sha256_of(path), path, Stage.WHEEL, fixed=True) for path in paths)
    return Attachment("v0.1.0", "warpwright 0.1.0", "What changed.", prerelease=False, items=items)


def whole(item: Item) -> Asset:
    return Asset(name=item.path, state="uploaded", digest=f"sha256:{item.sha256}")


def test_a_release_is_a_draft_until_all_of_it_is_there(wanted: Attachment) -> None:
    create, upload, public = plan_commands(wanted, None)
    assert create[:6] == ("gh", "release", "create", "v0.1.0", "--draft", "--verify-tag")
    assert upload == ("gh", "release", "upload", "v0.1.0", *(str(item.source) for item in wanted.items))
    assert public == ("gh", "release", "edit", "v0.1.0", "--draft=false")


def test_a_broken_upload_is_taken_away_and_sent_again(wanted: Attachment) -> None:
    first, second = wanted.items
    seen = Seen(isDraft=True, assets=(whole(first), Asset(name=second.path, state="starter")))
    remove, upload, _ = plan_commands(wanted, seen)
    assert remove == ("gh", "release", "delete-asset", "v0.1.0", "b.whl", "--yes")
    assert upload == ("gh", "release", "upload", "v0.1.0", str(second.source))


def test_a_public_release_is_not_added_to(wanted: Attachment) -> None:
    assert plan_commands(wanted, Seen(isDraft=False, assets=tuple(map(whole, wanted.items)))) == ()
    with pytest.raises(ConflictError, match=r"the release v0\.1\.0 is public\n  why: it lacks b\.whl"):
        plan_commands(wanted, Seen(isDraft=False, assets=(whole(wanted.items[0]),)))


@pytest.mark.parametrize("digest", [f"sha256:{'f' * 64}", None])
def test_an_asset_of_other_bytes_stops_everything(wanted: Attachment, digest: str | None) -> None:
    with pytest.raises(ConflictError, match=r"a\.whl: the target has sha256 (f{64}|unknown), and this one is"):
        plan_commands(wanted, Seen(isDraft=True, assets=(Asset(name="a.whl", state="uploaded", digest=digest),)))


def test_the_draft_is_filled_verified_and_made_public(hub: Hub, manifest: Path) -> None:
    commands.github(manifest)
    assert hub.release["isDraft"] is False
    sent = {asset["name"] for asset in hub.release["assets"]}
    assert sent == {*(path.name for path in manifest.parent.glob("*.whl")), manifest.name, CHECKSUMS}
    assert hub.words == ["view", "create", "upload", "view", "edit"]
    commands.github(manifest)
    assert hub.words[5:] == ["view"]


def test_a_dry_run_only_looks(hub: Hub, manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands.github(manifest, dry_run=True)
    assert hub.words == ["view"]
    assert "gh release edit v0.1.0 --draft=false" in capsys.readouterr().out


def test_an_upload_that_was_cut_off_goes_on(hub: Hub, manifest: Path) -> None:
    hub.behave(dies=True)
    with pytest.raises(PublishError, match=r"`gh release upload v0\.1\.0` failed[\s\S]*connection reset"):
        commands.github(manifest)
    first = hub.release["assets"][0]["name"]
    assert hub.release["isDraft"] is True
    hub.behave()
    commands.github(manifest)
    assert hub.release["isDraft"] is False
    last = [json.loads(line) for line in hub.log.read_text("utf-8").splitlines()][-3]
    assert last[1] == "upload"
    assert not any(word.endswith(first) for word in last)


def test_a_draft_whose_digests_differ_never_becomes_public(hub: Hub, manifest: Path) -> None:
    hub.behave(honest=False)
    with pytest.raises(ConflictError, match="files at the target are in the way"):
        commands.github(manifest)
    assert hub.release["isDraft"] is True


def test_a_release_without_its_checksums_is_not_attached(hub: Hub, manifest: Path) -> None:
    (manifest.parent / CHECKSUMS).unlink()
    with pytest.raises(PublishError, match="it has no SHA256SUMS"):
        commands.github(manifest)
    assert hub.release is None
