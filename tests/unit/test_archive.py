"""An archive that could harm is named, not unpacked, and leaves nothing behind."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wheel_maker import WheelMaker
from wheelworks.archive import FaultKind, Limits, unpack
from wheelworks.errors import WheelError
from wheelworks.wheel import read_wheel


def entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = mode << 16
    return info


BAD_ENTRIES = {
    "parent folder": (entry("../outside"), FaultKind.PATH_ESCAPE),
    "parent folder inside": (entry("a/../../outside"), FaultKind.PATH_ESCAPE),
    "absolute": (entry("/tmp/outside"), FaultKind.PATH_ESCAPE),
    "backslash": (entry("a\\..\\outside"), FaultKind.PATH_ESCAPE),
    "drive": (entry("C:outside"), FaultKind.PATH_ESCAPE),
    "empty part": (entry("a//b"), FaultKind.PATH_ESCAPE),
    "non-ASCII": (entry("warpwright/k\u0435rnel.py"), FaultKind.UNSAFE_NAME),
    "new line": (entry("a\nb"), FaultKind.UNSAFE_NAME),
    "too long": (entry("a" * 300), FaultKind.UNSAFE_NAME),
    "symbolic link": (entry("link", stat.S_IFLNK | 0o777), FaultKind.NOT_A_PLAIN_FILE),
    "device": (entry("device", stat.S_IFCHR | 0o666), FaultKind.NOT_A_PLAIN_FILE),
    "same name": (entry("warpwright/__init__.py"), FaultKind.DUPLICATE_ENTRY),
    "file below a file": (entry("warpwright/__init__.py/x"), FaultKind.DUPLICATE_ENTRY),
}


def maker() -> WheelMaker:
    return WheelMaker(files={"warpwright/__init__.py": b"x = 1\n"})


def contents(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("case", BAD_ENTRIES)
def test_a_bad_entry_has_its_fault_and_nothing_is_unpacked(case: str, tmp_path: Path) -> None:
    info, kind = BAD_ENTRIES[case]
    bad = maker()
    bad.extra = [(info, b"evil")]
    wheel = bad.make(tmp_path / "in")
    assert kind in {fault.kind for fault in read_wheel(wheel).faults}
    before = contents(tmp_path)
    with pytest.raises(WheelError, match=kind):
        unpack(wheel, tmp_path / "out" / "here")
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        (Limits(small_entry_bytes=1000, ratio=10), "100000 bytes packed into"),
        (Limits(total_bytes=1000), "files of 1"),
        (Limits(entries=2), "5 files"),
    ],
    ids=["one entry swells", "all entries swell", "too many entries"],
)
def test_a_zip_bomb_is_seen_in_the_list_of_files(limits: Limits, found: str, tmp_path: Path) -> None:
    bad = maker()
    bad.extra = [("zeros", bytes(100_000))]
    wheel = bad.make(tmp_path)
    faults = read_wheel(wheel, limits).faults
    assert [fault.kind for fault in faults] == [FaultKind.ZIP_BOMB]
    assert found in faults[0].found


def test_entries_that_share_their_bytes_are_a_zip_bomb(tmp_path: Path) -> None:
    wheel = maker().make(tmp_path)
    data = bytearray(wheel.read_bytes())
    central = data.find(b"PK\x01\x02")
    data[central + 20 : central + 24] = (10_000_000).to_bytes(4, "little")  # the first entry's packed size
    wheel.write_bytes(data)
    assert FaultKind.ZIP_BOMB in {fault.kind for fault in read_wheel(wheel).faults}


def test_a_good_wheel_has_no_faults_and_unpacks_whole(tmp_path: Path) -> None:
    wheel = maker().make(tmp_path)
    assert read_wheel(wheel).faults == ()
    unpack(wheel, tmp_path / "out")
    assert (tmp_path / "out" / "warpwright" / "__init__.py").read_text() == "x = 1\n"


def test_damaged_bytes_leave_no_folder(tmp_path: Path) -> None:
    wheel = maker().make(tmp_path)
    data = bytearray(wheel.read_bytes())
    data[data.find(b"__init__.py") + 12] ^= 0xFF  # the first packed byte or two
    wheel.write_bytes(data)
    with pytest.raises(WheelError):
        unpack(wheel, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@settings(max_examples=300, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=12),
    cut=st.one_of(st.none(), st.integers(0, 4000)),
)
def test_no_change_of_bytes_breaks_the_reader(
    changes: list[tuple[int, int]], cut: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    wheel = maker().make(folder)
    data = bytearray(wheel.read_bytes())
    for index, value in changes:
        data[index % len(data)] = value
    wheel.write_bytes(data[:cut])
    before = contents(folder)
    try:
        read_wheel(wheel)
        unpack(wheel, folder / "out")
    except WheelError:
        assert contents(folder) == before
    else:
        assert all(path.parts[0] == "out" for path in map(Path, contents(folder) - before))
