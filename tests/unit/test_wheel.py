"""A wheel's own words are parsed strictly; a file that is none is named with the reason."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.version import Version

from wheel_maker import WheelMaker
from wheelworks.archive import Limits
from wheelworks.errors import WheelError
from wheelworks.wheel import read_wheel


def test_a_wheel_is_read_without_unpacking(tmp_path: Path) -> None:
    wheel = read_wheel(WheelMaker(files={"warpwright/a.py": b""}).make(tmp_path))
    assert (wheel.name, wheel.version, wheel.metadata_version) == ("warpwright", Version("0.1.0+cu130"), wheel.version)
    assert wheel.platforms == {"linux_x86_64"}
    assert [str(requirement) for requirement in wheel.requires] == ["torch>=2.10"]
    assert wheel.tags == wheel.wheel_tags
    assert "warpwright/a.py" in wheel.entries


def cut(wheel: Path) -> Path:
    wheel.write_bytes(wheel.read_bytes()[:-100])
    return wheel


def no_zip(wheel: Path) -> Path:
    wheel.write_bytes(b"hello")
    return wheel


def renamed(wheel: Path) -> Path:
    return wheel.rename(wheel.with_name("warpwright.whl"))


def missing(wheel: Path) -> Path:
    wheel.unlink()
    return wheel


def without_record(wheel: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        kept = [(name, archive.read(name)) for name in archive.namelist() if not name.endswith("RECORD")]
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in kept:
            archive.writestr(name, data)
    return wheel


def with_lzma(wheel: Path) -> Path:
    with zipfile.ZipFile(wheel, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"a")
    return wheel


DAMAGES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "cut short": (cut, "not a zip file"),
    "no zip": (no_zip, "not a zip file"),
    "name of no wheel": (renamed, "Invalid wheel filename"),
    "no file": (missing, "there is no such file|No such file"),
    "no RECORD": (without_record, "it has no .*RECORD"),
    "packed by LZMA": (with_lzma, "packed by method 14"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_what_is_no_wheel_is_an_error_that_says_why(case: str, tmp_path: Path) -> None:
    damage, why = DAMAGES[case]
    with pytest.raises(WheelError, match=why):
        read_wheel(damage(WheelMaker().make(tmp_path)))


@pytest.mark.parametrize(
    ("maker", "why"),
    [
        (WheelMaker(metadata_version="new"), "METADATA has the version 'new'"),
        (WheelMaker(requires=("torch>>2",)), "METADATA requires 'torch>>2'"),
        (WheelMaker(record="a,b\n"), "exactly three columns"),
        (WheelMaker(record='a,"b\n'), "RECORD is no CSV"),
        (WheelMaker(wheel_tag="cp310"), "WHEEL has a Tag that is none"),
        (WheelMaker(files={"other-1.0.dist-info/METADATA": b""}), "expected one .dist-info folder"),
    ],
    ids=["version", "requirement", "columns", "CSV", "tag", "two folders"],
)
def test_metadata_that_cannot_be_parsed_is_an_error(maker: WheelMaker, why: str, tmp_path: Path) -> None:
    with pytest.raises(WheelError, match=why):
        read_wheel(maker.make(tmp_path))


def test_metadata_has_a_largest_size(tmp_path: Path) -> None:
    with pytest.raises(WheelError, match="more than the 10 that it may have"):
        read_wheel(WheelMaker().make(tmp_path), Limits(text_bytes=10))
