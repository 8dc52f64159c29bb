"""The folder of an index: a reader sees one state, whatever happens to the writer, and only what changed is written."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

import release_maker
from release_maker import NOTICES, small_matrix
from wheelworks import files
from wheelworks.errors import IndexingError
from wheelworks.index import CURRENT, Catalogue, Changes, plan_site, update_index
from wheelworks.manifest import Channel, Manifest
from wheelworks.matrix import Matrix

FORK = multiprocessing.get_context("fork")
State = dict[str, bytes]


@pytest.fixture
def matrix(matrix_data: dict[str, Any]) -> Matrix:
    return small_matrix(matrix_data)


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no disk: it takes a failure of the machine, not of the writer, for that to matter."""
    monkeypatch.setattr("os.sync", lambda: None)


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    return tmp_path / "dist"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


def make_release(dist: Path, matrix: Matrix, version: str = "0.1.0", channel: Channel = Channel.RELEASE) -> Manifest:
    """Make a release in a folder of its own, then put its wheels beside those of others."""
    manifest = release_maker.make_release(dist / version, matrix, version, channel)
    for wheel in manifest.wheels:
        (dist / version / wheel.file).rename(dist / wheel.file)
    return manifest


def add(folder: Path, manifest: Manifest, dist: Path, *, dry_run: bool = False) -> Changes:
    return update_index(folder, NOTICES, methodcaller("with_manifest", manifest), wheels=dist, dry_run=dry_run)


def read_state(folder: Path) -> State:
    """Read what a server would serve: all pages of the tree that the link names, and all content that it has."""
    tree = folder / CURRENT
    if not tree.exists():
        return {}
    tree = tree.resolve()
    return {
        Path(base, name).relative_to(tree).as_posix(): Path(base, name).read_bytes()
        for base, _, names in os.walk(tree, followlinks=True)
        for name in names
        if not name.startswith(".")
    }


def expected_pages(*manifests: Manifest) -> State:
    return {page.path: page.data for page in plan_site(Catalogue(NOTICES, manifests)).pages}


def pages_in(state: State) -> State:
    return {path: data for path, data in state.items() if not path.startswith("files/")}


def test_an_index_has_every_page_and_every_file(folder: Path, dist: Path, matrix: Matrix) -> None:
    manifest = make_release(dist, matrix)
    add(folder, manifest, dist)
    state = read_state(folder)
    assert pages_in(state) == expected_pages(manifest)
    for wheel in manifest.wheels:
        assert state[f"files/{wheel.file}"] == (dist / wheel.file).read_bytes()
        assert state[f"files/{wheel.file}.metadata"].startswith(b"Metadata-Version: 2.4\n")


def test_an_added_release_writes_what_changed_and_no_other_file(folder: Path, dist: Path, matrix: Matrix) -> None:
    add(folder, make_release(dist, matrix), dist)
    nightly = make_release(dist, matrix, "0.2.0.dev1", Channel.NIGHTLY)
    before = {path.stat().st_ino for path in (folder / CURRENT).resolve().rglob("*") if path.is_file()}
    changes = add(folder, nightly, dist)
    assert len(changes.placed) == 2 * len(nightly.wheels)
    assert all("dev1" in path for path in changes.placed)
    steady = [path for path in changes.written if not path.startswith("nightly/")]
    assert steady == ["SHA256SUMS", "about/warpwright/index.html", "manifests/warpwright-0.2.0.dev1.json"]
    assert changes.dropped == ()
    tree = (folder / CURRENT).resolve()
    pages = [path for path in tree.rglob("*") if path.is_file()]
    written = [path.relative_to(tree).as_posix() for path in pages if path.stat().st_ino not in before]
    assert sorted(written) == sorted(changes.written)


def test_the_same_release_again_changes_nothing(folder: Path, dist: Path, matrix: Matrix) -> None:
    manifest = make_release(dist, matrix)
    add(folder, manifest, dist)
    tree = (folder / CURRENT).readlink()
    assert str(add(folder, manifest, dist)) == "nothing changes"
    assert (folder / CURRENT).readlink() == tree


def test_a_dry_run_prints_every_change_and_makes_none(folder: Path, dist: Path, matrix: Matrix) -> None:
    manifest = make_release(dist, matrix)
    printed = add(folder, manifest, dist, dry_run=True)
    assert f"place files/{manifest.wheels[0].file}" in str(printed).splitlines()
    assert "write cu130/warpwright/index.html" in str(printed).splitlines()
    assert read_state(folder) == {}
    assert add(folder, manifest, dist) == printed


def test_a_pruned_nightly_stays_for_readers_of_the_last_page_and_goes_with_the_next(
    folder: Path, dist: Path, matrix: Matrix
) -> None:
    made = [make_release(dist, matrix, f"0.2.0.dev{day}", Channel.NIGHTLY) for day in (1, 2, 3, 4)]
    for nightly in made[:3]:
        changes = add(folder, nightly, dist)
    assert [path for path in changes.dropped if path.endswith(".whl")] == [
        f"files/{wheel.file}" for wheel in made[0].wheels
    ]
    assert all((folder / "files" / wheel.file).exists() for wheel in made[0].wheels)
    add(folder, made[3], dist)
    assert not any((folder / "files" / wheel.file).exists() for wheel in made[0].wheels)


def test_a_wheel_with_other_bytes_than_its_manifest_says_is_not_served(
    folder: Path, dist: Path, matrix: Matrix
) -> None:
    manifest = make_release(dist, matrix)
    with (dist / manifest.wheels[1].file).open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(IndexingError, match=rf"cannot place warpwright[\s\S]*{manifest.wheels[1].sha256} was expected"):
        add(folder, manifest, dist)
    assert read_state(folder) == {}


def test_metadata_of_another_digest_is_not_served(folder: Path, dist: Path, matrix: Matrix) -> None:
    manifest = make_release(dist, matrix)
    data = manifest.model_dump(mode="json", by_alias=True)
    data["wheels"][0]["metadata_sha256"] = "0" * 64
    with pytest.raises(IndexingError, match=r"the METADATA in warpwright-.* has sha256"):
        add(folder, Manifest.model_validate(data), dist)
    assert read_state(folder) == {}


def test_a_link_in_the_folder_of_wheels_is_not_followed(
    folder: Path, dist: Path, matrix: Matrix, tmp_path: Path
) -> None:
    manifest = make_release(dist, matrix)
    first = dist / manifest.wheels[0].file
    first.rename(tmp_path / "elsewhere")
    first.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IndexingError, match="is no plain file"):
        add(folder, manifest, dist)


def test_a_missing_wheel_leaves_the_index_as_it_was(folder: Path, dist: Path, matrix: Matrix) -> None:
    first, second = make_release(dist, matrix), make_release(dist, matrix, "0.2.0")
    add(folder, first, dist)
    (dist / second.wheels[-1].file).unlink()
    with pytest.raises(IndexingError, match="is no plain file"):
        add(folder, second, dist)
    assert pages_in(read_state(folder)) == expected_pages(first)


@contextmanager
def dying_at(step: int) -> Iterator[None]:
    """Kill this process at its n-th change of a file system."""
    left = [step]

    def counted(change: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*words: object, **options: object) -> object:
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return change(*words, **options)

        return wrapped

    patch = pytest.MonkeyPatch()
    for name in ("place", "write_new", "share", "rename", "link", "remove", "sync"):
        patch.setattr(files, name, counted(getattr(files, name)))
    for name in ("replace", "rename", "unlink", "hardlink_to", "symlink_to", "mkdir", "write_bytes"):
        patch.setattr(Path, name, counted(getattr(Path, name)))
    try:
        yield
    finally:
        patch.undo()


def add_and_die(step: int, folder: Path, manifest: Manifest, dist: Path) -> None:
    with dying_at(step):
        add(folder, manifest, dist)


def test_a_writer_killed_at_any_step_leaves_the_old_index_or_the_new_one(
    tmp_path: Path, dist: Path, matrix: Matrix
) -> None:
    zeroth, first, second = (make_release(dist, matrix, f"0.{minor}.0") for minor in range(3))
    old, new = expected_pages(zeroth, first), expected_pages(zeroth, first, second)
    for manifest in (zeroth, first):
        add(tmp_path / "old", manifest, dist)
    seen = []
    for step in range(1000):
        folder = tmp_path / f"index-{step}"
        shutil.copytree(tmp_path / "old", folder, symlinks=True)
        writer = FORK.Process(target=add_and_die, args=(step, folder, second, dist))
        writer.start()
        writer.join()
        state = read_state(folder)
        assert pages_in(state) in (old, new), step
        manifests = (zeroth, first, second) if pages_in(state) == new else (zeroth, first)
        for wheel in (wheel for manifest in manifests for wheel in manifest.wheels):
            assert state[f"files/{wheel.file}"] == (dist / wheel.file).read_bytes(), step
            assert f"files/{wheel.file}.metadata" in state, step
        add(folder, second, dist)
        assert pages_in(read_state(folder)) == new, step
        seen.append(pages_in(state) == new)
        if writer.exitcode == 0:
            break
    assert len(seen) > 50
    assert seen == sorted(seen), "an index that was new became old again"
    assert seen.count(True) > 1, "no writer was killed after the swap"


def read_for_a_while(folder: Path, known: list[State], until: float) -> None:
    while time.monotonic() < until:
        tree = (folder / CURRENT).resolve()
        found = {path: (tree / path).read_bytes() for path in known[0] if (tree / path).exists()}
        if found not in [{path: state[path] for path in known[0] if path in state} for state in known]:
            os._exit(1)


def test_a_reader_beside_writers_killed_at_random_never_sees_a_mix(folder: Path, dist: Path, matrix: Matrix) -> None:
    made = [make_release(dist, matrix, f"0.{minor}.0") for minor in range(1, 4)]
    add(folder, made[0], dist)
    known = [expected_pages(*made[: count + 1]) for count in range(3)]
    reader = FORK.Process(target=read_for_a_while, args=(folder, known, time.monotonic() + 3))
    reader.start()
    chance = random.Random(0)
    while reader.is_alive():
        writer = FORK.Process(target=add, args=(folder, chance.choice(made[1:2] or made), dist))
        writer.start()
        time.sleep(chance.uniform(0, 0.05))
        writer.kill()
        writer.join()
    assert reader.exitcode == 0


def test_publishers_at_the_same_time_wait_for_each_other(folder: Path, dist: Path, matrix: Matrix) -> None:
    made = [make_release(dist, matrix, f"0.{minor}.0") for minor in range(1, 7)]
    writers = [FORK.Process(target=add, args=(folder, manifest, dist)) for manifest in made]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * len(made)
    assert pages_in(read_state(folder)) == expected_pages(*made)


def test_a_publisher_does_not_wait_for_ever(
    folder: Path, dist: Path, matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wheelworks.index.write.PATIENCE", 0.1)
    folder.mkdir()
    with FileLock(folder / ".lock"), pytest.raises(IndexingError, match="another publisher has held"):
        add(folder, make_release(dist, matrix), dist)


def test_two_machines_make_the_same_bytes(tmp_path: Path, dist: Path, matrix: Matrix) -> None:
    manifest = make_release(dist, matrix)
    for name in ("one", "two"):
        add(tmp_path / name, manifest, dist)
    assert read_state(tmp_path / "one") == read_state(tmp_path / "two")
    assert (tmp_path / "one" / CURRENT).readlink() == (tmp_path / "two" / CURRENT).readlink()
