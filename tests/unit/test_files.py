"""Files appear whole or not at all."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from wheelworks import files
from wheelworks.errors import FileError
from wheelworks.process import run


def test_a_written_file_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "inner" / "a.json"
    files.write_text(target, "old")
    files.write_text(target, "new")
    assert target.read_text(encoding="utf-8") == "new"
    assert [path.name for path in target.parent.iterdir()] == ["a.json"]


def tree(folder: Path) -> dict[str, str | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_several_files_are_written_and_nothing_else_stays(tmp_path: Path) -> None:
    for name in ("a", ".a.old", ".a.new"):  # two of them left by a killed process
        (tmp_path / name).write_text("old", encoding="utf-8")
    files.write_together({tmp_path / "a": "new", tmp_path / "b" / "c" / "d": "d"})
    assert tree(tmp_path) == {"a": "new", "b": None, "b/c": None, "b/c/d": "d"}


@pytest.mark.parametrize("failing", ["a", "d", "e"])
def test_several_files_are_written_or_none(failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("old a", encoding="utf-8")
    (tmp_path / "e").write_text("old e", encoding="utf-8")
    before, rename = tree(tmp_path), files.rename

    def fail(unfinished: Path, target: Path) -> None:
        if target.name == failing:
            raise FileError("no", why="no", fix="no")
        rename(unfinished, target)

    monkeypatch.setattr(files, "rename", fail)
    with pytest.raises(FileError):
        files.write_together({tmp_path / "a": "new", tmp_path / "b" / "c" / "d": "d", tmp_path / "e": "new"})
    assert tree(tmp_path) == before


def test_a_folder_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(FileError, match="cannot write"):
        files.write_together({tmp_path / "a" / "b": "", tmp_path / "file" / "c": ""})
    assert tree(tmp_path) == {"file": ""}


def test_the_digest_of_a_tree_sees_content_and_names(tmp_path: Path) -> None:
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "a.h").write_text("a", encoding="utf-8")
    first = files.tree_sha256(tmp_path, ("include",))
    (tmp_path / "include" / "a.h").write_text("b", encoding="utf-8")
    second = files.tree_sha256(tmp_path, ("include",))
    (tmp_path / "include" / "a.h").rename(tmp_path / "include" / "b.h")
    assert len({first, second, files.tree_sha256(tmp_path, ("include",))}) == 3


def test_the_cache_folder_can_be_named(tmp_path: Path) -> None:
    assert files.cache_folder({"WHEELWORKS_CACHE": str(tmp_path)}) == tmp_path
    assert files.cache_folder({}).name == "warpwright"


def test_a_relative_cache_folder_counts_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert files.cache_folder({"WHEELWORKS_CACHE": "cache"}) == tmp_path / "cache"


def test_a_tilde_in_the_cache_folder_stands_for_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.cache_folder({"WHEELWORKS_CACHE": "~/cache"}) == tmp_path / "cache"


def test_a_second_build_in_the_same_folder_waits_for_the_first_and_says_for_which(tmp_path: Path) -> None:
    holder = (
        "import pathlib, sys, time\n"
        "from wheelworks import files\n"
        "with files.held(pathlib.Path(sys.argv[1]), print):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(1)\n"
    )
    said: list[str] = []
    folder = tmp_path / "build" / "lane"
    with subprocess.Popen([sys.executable, "-c", holder, folder], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with files.held(folder, said.append):
            assert first.wait(timeout=10) == 0
    assert said == [f"another build has {folder}, process {first.pid}: waiting for it to end"]


def test_what_a_killed_build_has_left_running_holds_its_folder(tmp_path: Path) -> None:
    killed = (
        "import os, pathlib, sys\n"
        "from wheelworks import files\n"
        "from wheelworks.process import run\n"
        "with files.held(pathlib.Path(sys.argv[1]), print):\n"
        "    run(['sh', '-c', 'kill -9 $PPID; sleep 1.5'])\n"
    )
    said: list[str] = []
    folder = tmp_path / "build" / "lane"
    with subprocess.Popen([sys.executable, "-c", killed, folder]) as first:
        assert first.wait(timeout=10) == -9
    start = time.monotonic()
    with files.held(folder, said.append):
        assert time.monotonic() - start > 0.5
    words = f"process {first.pid}, which was killed and whose compilers run on: waiting for it to end"
    assert said == [f"another build has {folder}, {words}"]


def test_a_process_that_a_command_has_left_elsewhere_holds_no_folder(tmp_path: Path) -> None:
    with files.held(tmp_path / "lane", print):
        run([sys.executable, "-c", "import subprocess; subprocess.Popen(['sleep', '5'], start_new_session=True)"])
    said: list[str] = []
    with files.held(tmp_path / "lane", said.append):
        assert said == []
    assert [path.name for path in tmp_path.iterdir()] == ["lane.lock"]


def test_a_folder_for_one_user_is_empty_and_goes_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "scratch"
    (folder / "left by a killed run").mkdir(parents=True)

    def use() -> None:
        with files.emptied(folder):
            assert list(folder.iterdir()) == []
            (folder / "b").write_text("b", "utf-8")
            raise KeyError

    with pytest.raises(KeyError):
        use()
    assert not folder.exists()
