"""What uv installs for the pipeline is whole and shares no byte with uv's own cache."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from wheelworks import uv_client
from wheelworks.installed import damaged_files
from wheelworks.process import Completed, Runner, closed_environment, run

FILES = {"example/bin/ptxas": "machine code", "example/nvcc.profile": "TOP = .\n"}
INFO = "example-1.0.dist-info"


def make_wheel(folder: Path, *, damaged: bool = False) -> Path:
    """Write a wheel of the package `example`, whose RECORD is of other bytes where it is damaged."""
    members = {
        **FILES,
        f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: example\nVersion: 1.0\n",
        f"{INFO}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{name},sha256={digest(text + 'x' * damaged)},{len(text)}\n" for name, text in members.items()]
    folder.mkdir(exist_ok=True)
    path = folder / "example-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in {**members, f"{INFO}/RECORD": f"{''.join(rows)}{INFO}/RECORD,,\n"}.items():
            wheel.writestr(name, text)
    return path


def digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "uv-cache"


@pytest.fixture
def uv(tmp_path: Path, cache: Path) -> Runner:
    """Run uv for real, with a folder in the place of an index and a cache of its own."""

    def runner(command: list[str | Path], **_: object) -> Completed:
        places = {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(tmp_path / "index"), "UV_CACHE_DIR": str(cache)}
        return run(command, env=closed_environment(**places))

    return runner  # type: ignore[return-value]


def install(into: Path, uv: Runner) -> Completed:
    return uv_client.install_pinned(["example==1.0"], into, architecture="x86_64", run=uv)


def cached(cache: Path, name: str) -> Path:
    (path,) = [path for path in cache.rglob(Path(name).name) if path.is_file()]
    return path


def test_an_installed_file_is_nobody_elses(tmp_path: Path, cache: Path, uv: Runner) -> None:
    make_wheel(tmp_path / "index")
    assert install(tmp_path / "made", uv).ok
    for name in FILES:
        assert not (tmp_path / "made" / name).samefile(cached(cache, name))
        assert (tmp_path / "made" / name).stat().st_nlink == 1


def test_what_a_toolchain_appends_to_its_profile_stays_its_own(tmp_path: Path, cache: Path, uv: Runner) -> None:
    make_wheel(tmp_path / "index")
    install(tmp_path / "made", uv)
    with (tmp_path / "made" / "example/nvcc.profile").open("a", encoding="utf-8") as profile:
        profile.write("PATH += x\n")
    assert cached(cache, "nvcc.profile").read_text(encoding="utf-8") == "TOP = .\n"


def test_a_file_that_is_damaged_in_uvs_cache_does_not_come_back(tmp_path: Path, cache: Path, uv: Runner) -> None:
    make_wheel(tmp_path / "index")
    install(tmp_path / "first", uv)
    cached(cache, "ptxas").write_text("mach", encoding="utf-8")
    assert install(tmp_path / "second", uv).ok
    assert (tmp_path / "second" / "example/bin/ptxas").read_text(encoding="utf-8") == "machine code"


def test_a_package_that_is_damaged_itself_is_refused(tmp_path: Path, uv: Runner) -> None:
    make_wheel(tmp_path / "index", damaged=True)
    done = install(tmp_path / "made", uv)
    assert not done.ok
    assert "the package itself is damaged: example-1.0.dist-info/METADATA" in done.output


def test_damaged_and_missing_files_are_named(tmp_path: Path, uv: Runner) -> None:
    make_wheel(tmp_path / "index")
    install(tmp_path / "made", uv)
    assert damaged_files(tmp_path / "made") == ()
    (tmp_path / "made" / "example/bin/ptxas").unlink()
    (tmp_path / "made" / "example/nvcc.profile").write_text("", encoding="utf-8")
    assert damaged_files(tmp_path / "made") == ("example/bin/ptxas", "example/nvcc.profile")
