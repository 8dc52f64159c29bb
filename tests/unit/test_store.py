"""What the store holds is whole, nobody else's, and looked at before each use."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from wheelworks.errors import FileError
from wheelworks.store import LIST, Store, damage


def fill(folder: Path) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "ptxas").write_text("machine code", encoding="utf-8")
    (folder / "bin" / "ptxas").chmod(0o644)
    (folder / "include").mkdir()
    (folder / "include" / "a.h").write_text("#pragma once\n", encoding="utf-8")
    (folder / "lib64").symlink_to("lib")


def truncated(folder: Path) -> None:
    os.truncate(folder / "bin" / "ptxas", 3)


def appended(folder: Path) -> None:
    with (folder / "include" / "a.h").open("a", encoding="utf-8") as header:
        header.write("#define X 1\n")


def rewritten(folder: Path) -> None:
    (folder / "bin" / "ptxas").write_text("MACHINE CODE", encoding="utf-8")


def removed(folder: Path) -> None:
    (folder / "bin" / "ptxas").unlink()


def shadowed(folder: Path) -> None:
    (folder / "include" / "stdio.h").touch()


def relinked(folder: Path) -> None:
    (folder / "lib64").unlink()
    (folder / "lib64").symlink_to("/usr/lib")


def no_program(folder: Path) -> None:
    (folder / "bin" / "ptxas").chmod(0o600)


def replaced_by_a_link(folder: Path) -> None:
    (folder / "bin" / "ptxas").rename(folder.parent / "ptxas")
    (folder / "bin" / "ptxas").symlink_to(folder.parent / "ptxas")


def unlisted(folder: Path) -> None:
    (folder / LIST).write_text("{}", encoding="utf-8")


DAMAGES = {
    truncated: "bin/ptxas has 3 bytes, expected 12",
    appended: "include/a.h has 25 bytes, expected 13",
    rewritten: "bin/ptxas was written to after it was made",
    removed: "bin/ptxas is missing",
    shadowed: "include/stdio.h was added",
    relinked: "lib64 is no longer a link to lib",
    replaced_by_a_link: "bin/ptxas is no longer a file",
    no_program: "bin/ptxas has mode 600, expected 644",
    unlisted: "its list of files cannot be read",
}


@pytest.mark.parametrize(("harm", "words"), DAMAGES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_damage_is_named_and_mended_by_the_next_use(harm: Callable[[Path], None], words: str, tmp_path: Path) -> None:
    said: list[str] = []
    store = Store(tmp_path, say=said.append)
    folder = store.ensure("toolchain", fill)
    assert store.ensure("toolchain", _never) == folder
    harm(folder)
    store.ensure("toolchain", fill)
    assert said == [f"{folder} is damaged and made anew: {words}"]
    assert damage(folder, every_byte=True) == ()


def _never(folder: Path) -> None:
    raise AssertionError(f"{folder} was filled again")


def test_a_change_that_keeps_size_and_time_is_found_where_every_byte_is_read(tmp_path: Path) -> None:
    folder = Store(tmp_path).ensure("toolchain", fill)
    path = folder / "bin" / "ptxas"
    before = path.stat()
    rewritten(folder)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert damage(folder, every_byte=False) == ()
    assert damage(folder, every_byte=True) == ("bin/ptxas has other bytes",)
    said: list[str] = []
    Store(tmp_path, every_byte=True, say=said.append).ensure("toolchain", fill)
    assert said == [f"{folder} is damaged and made anew: bin/ptxas has other bytes"]


def test_several_damages_are_counted(tmp_path: Path) -> None:
    said: list[str] = []
    store = Store(tmp_path, say=said.append)
    folder = store.ensure("toolchain", fill)
    truncated(folder)
    appended(folder)
    store.ensure("toolchain", fill)
    assert said[0].endswith("bin/ptxas has 3 bytes, expected 12, and 1 more")


def test_a_file_that_shares_its_bytes_with_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "uv").write_text("cached", encoding="utf-8")
    with pytest.raises(FileError, match="shares its bytes with another file"):
        Store(tmp_path / "store").ensure("toolchain", lambda folder: (folder / "a").hardlink_to(tmp_path / "uv"))
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["toolchain.lock"]


def test_a_failed_filling_leaves_nothing(tmp_path: Path) -> None:
    def fails_half_way(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("network")

    with pytest.raises(RuntimeError, match="network"):
        Store(tmp_path).ensure("toolchain", fails_half_way)
    assert [path.name for path in tmp_path.iterdir()] == ["toolchain.lock"]


def test_a_killed_filling_is_repaired_by_the_next(tmp_path: Path) -> None:
    maker = (
        "import os, pathlib, sys\n"
        "from wheelworks.store import Store\n"
        "def fill(folder):\n"
        "    (folder / 'half').touch()\n"
        "    os.kill(os.getpid(), 9)\n"
        "Store(pathlib.Path(sys.argv[1])).ensure('toolchain', fill)\n"
    )
    killed = subprocess.run([sys.executable, "-c", maker, str(tmp_path)], check=False)
    assert killed.returncode == -9
    assert not (tmp_path / "toolchain").exists()
    folder = Store(tmp_path).ensure("toolchain", fill)
    assert sorted(path.name for path in folder.iterdir()) == [LIST, "bin", "include", "lib64"]


def test_a_full_disk_is_told_with_the_way_out(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")

    def fills_the_disk(_: Path) -> None:
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(FileError, match="No space left on device") as caught:
        Store(tmp_path).ensure("x", fills_the_disk)
    assert "WHEELWORKS_CACHE" in caught.value.fix
    assert not (tmp_path / "x").exists()


USES = """
import os, pathlib, sys
from wheelworks.errors import FileError
from wheelworks.store import Store
os.setgid(65534), os.setuid(65534)
try:
    print(Store(pathlib.Path(sys.argv[1])).ensure("toolchain", lambda folder: None))
except FileError as error:
    print(error)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_users_whole_store_is_used_and_a_damaged_one_is_one_error() -> None:
    # Not tmp_path, which other users cannot enter.
    with TemporaryDirectory(dir="/tmp") as scratch:
        root = Path(scratch)
        root.chmod(0o755)
        folder = Store(root).ensure("toolchain", fill)
        command = [sys.executable, "-c", USES, str(root)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"{folder}\n"
        truncated(folder)
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"cannot write {folder}\n  why: Permission denied\n  fix: "), done.stdout
