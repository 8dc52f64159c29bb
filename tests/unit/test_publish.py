"""The plan of a publication, and a folder as its target: nothing is sent where something is in the way."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from release_maker import make_index, small_matrix
from wheelworks import files
from wheelworks.cli import publish as commands
from wheelworks.errors import ConflictError, FileError, PublishError
from wheelworks.index import CURRENT
from wheelworks.manifest import Channel
from wheelworks.matrix import Matrix
from wheelworks.publish import Plan, open_bucket, plan_publication, publish_folder, read_index
from wheelworks.publish.bucket import content_type
from wheelworks.publish.plan import Item, in_order

OTHER = "f" * 64


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sync", lambda: None)


@pytest.fixture
def matrix(matrix_data: dict[str, Any]) -> Matrix:
    return small_matrix(matrix_data)


@pytest.fixture
def index(tmp_path: Path, matrix: Matrix) -> Path:
    return make_index(tmp_path, matrix)


@pytest.fixture
def items(index: Path) -> tuple[Item, ...]:
    return read_index(index)


def send(items: tuple[Item, ...], target: Path, *, dry_run: bool = False) -> Plan:
    return publish_folder(items, target, dry_run=dry_run, show=lambda _: None)


def served(target: Path) -> Mapping[str, str]:
    """Return the digests of all that a server of the folder would serve."""
    tree = (target / CURRENT).resolve()
    paths = (Path(base, name) for base, _, names in os.walk(tree, followlinks=True) for name in names)
    return {path.relative_to(tree).as_posix(): files.sha256_of(path) for path in paths}


def test_a_reader_never_meets_a_page_before_what_it_names(items: tuple[Item, ...]) -> None:
    order = [item.path for item in in_order(items)]
    place = {path: number for number, path in enumerate(order)}
    wheels = [path for path in order if path.endswith(".whl")]
    pages = [path for path in order if path.endswith((".html", "index.json"))]
    assert order[: len(wheels)] == wheels
    assert all(place[f"{wheel}.metadata"] < min(map(place.__getitem__, pages)) for wheel in wheels)
    assert place["manifests/warpwright-0.1.0.json"] < min(map(place.__getitem__, pages))
    assert place["cu130/warpwright/index.html"] < place["cu130/index.html"] < place["index.html"]
    assert order[-3:] == ["index.html", "index.json", "SHA256SUMS"]


def test_the_listing_of_a_nightly_label_comes_after_its_project(tmp_path: Path, matrix: Matrix) -> None:
    make_index(tmp_path, matrix)
    order = [item.path for item in in_order(read_index(make_index(tmp_path, matrix, "0.2.0.dev1", Channel.NIGHTLY)))]
    for above, below in (
        ("nightly/index.html", "nightly/warpwright/index.html"),
        ("nightly/cu130/index.json", "nightly/cu130/warpwright/index.json"),
    ):
        assert order.index(below) < order.index(above)


def test_what_is_there_with_the_same_digest_is_not_sent_again(items: tuple[Item, ...]) -> None:
    present = {item.path: item.sha256 for item in items if item.path.startswith("files/")}
    plan = plan_publication(items, present)
    assert set(plan.kept) == set(present)
    assert {item.path for item in plan.sent} == {item.path for item in items} - set(present)


def test_every_conflict_is_told_before_anything_is_sent(items: tuple[Item, ...]) -> None:
    fixed = [item for item in items if item.fixed]
    with pytest.raises(ConflictError) as told:
        plan_publication(items, {item.path: OTHER for item in fixed})
    assert f"{len(fixed)} files at the target are in the way" in str(told.value)
    for item in fixed:
        assert f"{item.path}: the target has sha256 {OTHER}, and this one is {item.sha256}" in told.value.why


def test_a_page_may_change(items: tuple[Item, ...]) -> None:
    present = {item.path: item.sha256 for item in items} | {"index.html": OTHER, "manifests/notices.json": OTHER}
    assert [item.path for item in plan_publication(items, present).sent] == ["manifests/notices.json", "index.html"]


def test_a_release_that_only_the_target_has_stops_an_index_without_it(items: tuple[Item, ...]) -> None:
    with pytest.raises(ConflictError, match=r"manifests/warpwright-0\.9\.0\.json: the target has this release"):
        plan_publication(items, {"manifests/warpwright-0.9.0.json": OTHER})


def test_a_stranger_is_named_and_left_alone(items: tuple[Item, ...]) -> None:
    assert "leave robots.txt: it is not of this publication" in str(plan_publication(items, {"robots.txt": OTHER}))


def test_a_folder_serves_what_the_index_serves(items: tuple[Item, ...], index: Path, tmp_path: Path) -> None:
    plan = send(items, tmp_path / "public")
    assert len(plan.sent) == len(items)
    assert served(tmp_path / "public") == served(index)
    again = send(items, tmp_path / "public")
    assert (again.sent, len(again.kept)) == ((), len(items))


def test_a_damaged_page_is_mended(items: tuple[Item, ...], index: Path, tmp_path: Path) -> None:
    send(items, tmp_path / "public")
    (tmp_path / "public" / CURRENT / "cu130" / "index.html").write_text("damaged", encoding="utf-8")
    assert [item.path for item in send(items, tmp_path / "public").sent] == ["cu130/index.html"]
    assert served(tmp_path / "public") == served(index)


def test_a_dry_run_makes_nothing(index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands.folder(tmp_path / "public", index=index, dry_run=True)
    shown = capsys.readouterr().out
    assert "send files/warpwright-0.1.0+cu130-cp310-abi3-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl (" in shown
    assert shown.endswith(" to send, 0 there already\n")
    assert not (tmp_path / "public").exists()


def test_a_killed_publisher_leaves_the_old_state_and_the_next_sends_the_rest(
    items: tuple[Item, ...], index: Path, tmp_path: Path, matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "public"
    send(items, target)
    before = served(target)
    added = read_index(make_index(tmp_path, matrix, "0.2.0"))
    place, placed = files.place, list[Path]()

    def killed(source: Path, goal: Path, *, sha256: str | None = None) -> None:
        if len(placed) == 2:
            raise KeyboardInterrupt
        place(source, goal, sha256=sha256)
        placed.append(goal)

    monkeypatch.setattr(files, "place", killed)
    with pytest.raises(KeyboardInterrupt):
        send(added, target)
    monkeypatch.undo()
    assert {path: digest for path, digest in served(target).items() if path in before} == before
    plan = send(added, target)
    assert not {f"files/{path.name}" for path in placed} & {item.path for item in plan.sent}
    assert served(target) == served(index)


def test_a_changed_wheel_in_a_folder_stops_everything(items: tuple[Item, ...], tmp_path: Path, matrix: Matrix) -> None:
    target = tmp_path / "public"
    send(items, target)
    next((target / "files").glob("*.whl")).write_bytes(b"another wheel")
    before = served(target)
    with pytest.raises(ConflictError, match="1 files at the target are in the way"):
        send(read_index(make_index(tmp_path, matrix, "0.2.0")), target)
    assert served(target) == before


def test_an_index_that_is_not_what_its_checksums_say_is_not_published(index: Path) -> None:
    wheel = next((index / "files").glob("*.whl"))
    wheel.write_bytes(b"changed")
    with pytest.raises(PublishError, match=rf"files/{wheel.name.replace('+', '[+]')}: expected [0-9a-f]+, found"):
        read_index(index)


def test_a_preview_is_not_published(tmp_path: Path, matrix: Matrix) -> None:
    index = make_index(tmp_path, matrix, channel=Channel.PREVIEW)
    with pytest.raises(PublishError, match=r"warpwright-0\.1\.0\.json is not published\n  why: it is a preview"):
        read_index(index)


def test_a_client_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(PublishError, match=r"boto3 is not installed\n  fix: use `nox -s publish`"):
        open_bucket("s3://wheels")


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="it has no current/SHA256SUMS"):
        read_index(tmp_path)


@pytest.mark.parametrize("path", ["*.whl", "cu130/warpwright/index.html"])
def test_a_file_that_changes_while_it_is_copied_is_not_published(
    path: str, items: tuple[Item, ...], tmp_path: Path
) -> None:
    item = next(item for item in items if fnmatchcase(item.path, path))
    item.source.write_bytes(b"changed since")
    with pytest.raises((FileError, PublishError), match=f"{item.sha256} was expected"):
        send(items, tmp_path / "public")
    assert not (tmp_path / "public" / CURRENT).exists()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("files/a.whl", "application/zip"),
        ("files/a.whl.metadata", "text/plain; charset=utf-8"),
        ("cu130/warpwright/index.json", "application/vnd.pypi.simple.v1+json"),
        ("cu130/warpwright/", "text/html; charset=utf-8"),
        ("manifests/warpwright-0.1.0.json", "application/json"),
        ("SHA256SUMS", "text/plain; charset=utf-8"),
    ],
)
def test_an_object_is_served_as_what_it_is(path: str, kind: str) -> None:
    assert content_type(path) == kind
