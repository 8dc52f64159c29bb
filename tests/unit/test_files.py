"""Files appear whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wheelworks import files
from wheelworks.errors import FileError


def test_a_written_file_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "inner" / "a.json"
    files.write_text(target, "old")
    files.write_text(target, "new")
    assert target.read_text(encoding="utf-8") == "new"
    assert [path.name for path in target.parent.iterdir()] == ["a.json"]


def test_a_folder_is_filled_once(tmp_path: Path) -> None:
    for expected in (True, False):
        with files.filled_once(tmp_path / "toolchain") as folder:
            assert (folder is not None) is expected
            if folder is not None:
                (folder / "nvcc").touch()
    assert (tmp_path / "toolchain" / "nvcc").exists()


def test_a_failed_filling_leaves_nothing(tmp_path: Path) -> None:
    def fails_half_way() -> None:
        with files.filled_once(tmp_path / "toolchain") as folder:
            assert folder is not None
            (folder / "half").touch()
            raise RuntimeError("network")

    with pytest.raises(RuntimeError, match="network"):
        fails_half_way()
    assert [path.name for path in tmp_path.iterdir()] == ["toolchain.lock"]


def test_a_killed_filling_is_repaired_by_the_next(tmp_path: Path) -> None:
    maker = (
        "import os, pathlib, sys\n"
        "from wheelworks import files\n"
        "with files.filled_once(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'half').touch()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    target = tmp_path / "toolchain"
    killed = subprocess.run([sys.executable, "-c", maker, str(target)], check=False)
    assert killed.returncode == -9
    assert not target.exists()
    with files.filled_once(target) as folder:
        assert folder is not None
        assert list(folder.iterdir()) == []
    assert target.is_dir()


def test_a_full_disk_is_told_with_the_way_out(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")

    def fills_the_disk() -> None:
        with files.filled_once(tmp_path / "x"), Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(FileError, match="No space left on device") as caught:
        fills_the_disk()
    assert "WHEELWORKS_CACHE" in caught.value.fix
    assert not (tmp_path / "x").exists()


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
