"""Sources are exactly the pinned files, or refused with nothing left behind."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from wheelworks import files
from wheelworks.errors import SourceError
from wheelworks.matrix_rows import Source
from wheelworks.process import Completed, closed_environment, run
from wheelworks.sources import ensure_source
from wheelworks.store import LIST, Store

FILES = {"example_library/source/include/a.h": "// a\n", "example_library/source/include/b/c.h": "// c\n"}


def make_wheel(folder: Path, members: dict[str, str]) -> Path:
    """Write a wheel of the package `example` with these members."""
    info = "example-1.0.dist-info"
    members = {
        **members,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: example\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in members) + f"{info}/RECORD,,\n"
    path = folder / "example-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in {**members, f"{info}/RECORD": record}.items():
            wheel.writestr(name, text)
    return path


def source_of(wheel: Path, tree: dict[str, str] = FILES, **changes: object) -> Source:
    scratch = wheel.parent / "expected"
    for name, text in tree.items():
        target = scratch / name.removeprefix("example_library/source/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    row: dict[str, object] = {
        "version": "1.0",
        "license": "MIT",
        "repository": "https://example.invalid/example.git",
        "commit": "0" * 40,
        "package": "example==1.0",
        "sha256": [hashlib.sha256(wheel.read_bytes()).hexdigest()],
        "root": "example_library/source",
        "folders": ["include"],
        "tree-sha256": files.tree_sha256(scratch, ("include",)),
    }
    return Source.model_validate({**row, **changes})


def from_folder(folder: Path) -> object:
    """Run uv for real, with a folder in the place of an index."""

    def runner(command: list[str | Path], **_: object) -> Completed:
        return run(
            command, env=closed_environment(UV_NO_INDEX="1", UV_FIND_LINKS=str(folder), UV_CACHE_DIR=str(folder / "uv"))
        )

    return runner


def fill(source: Source, tmp_path: Path) -> Path:
    return ensure_source("example", source, store=Store(tmp_path / "cache"), run=from_folder(tmp_path))  # type: ignore[arg-type]


def nothing_is_left(tmp_path: Path) -> bool:
    return [path.suffix for path in (tmp_path / "cache" / "sources").iterdir()] == [".lock"]


def test_the_pinned_folders_are_kept_and_nothing_else(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {**FILES, "example_library/source/README": "no header"})
    folder = fill(source_of(wheel), tmp_path)
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert found == [LIST, "include/a.h", "include/b/c.h"]


def test_a_wrong_hash_is_refused(tmp_path: Path) -> None:
    source = source_of(make_wheel(tmp_path, FILES), sha256=["1" * 64])
    with pytest.raises(SourceError, match="could not install example==1.0"):
        fill(source, tmp_path)
    assert nothing_is_left(tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"example_library/source/include/a.h": "// a\n"})
    with pytest.raises(SourceError, match="are not those of commit 0000"):
        fill(source_of(wheel), tmp_path)
    assert nothing_is_left(tmp_path)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {**FILES, "example_library/source/include/a.h": "// other\n"})
    with pytest.raises(SourceError, match="are not those of commit 0000"):
        fill(source_of(wheel), tmp_path)
    assert nothing_is_left(tmp_path)


def test_another_layout_is_refused(tmp_path: Path) -> None:
    source = source_of(make_wheel(tmp_path, FILES), root="elsewhere")
    with pytest.raises(SourceError, match="has no elsewhere/include"):
        fill(source, tmp_path)
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize("name", ["../escaped.h", "example_library/../../escaped.h", "/tmp/escaped.h"])
def test_a_path_that_escapes_the_archive_is_not_followed(tmp_path: Path, name: str) -> None:
    wheel = make_wheel(tmp_path, {**FILES, name: "// out\n"})
    outside = {path for path in tmp_path.rglob("*.h") if "uv" not in path.parts}
    try:
        fill(source_of(wheel), tmp_path)
    except SourceError:
        assert nothing_is_left(tmp_path)
    assert not Path("/tmp/escaped.h").exists()
    new = {path for path in tmp_path.rglob("*.h") if "uv" not in path.parts} - outside
    assert all(path.is_relative_to(tmp_path / "cache" / "sources") for path in new if "expected" not in path.parts)


def test_a_filled_source_is_not_asked_for_again(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, FILES)
    source = source_of(wheel)
    fill(source, tmp_path)
    wheel.unlink()
    assert (fill(source, tmp_path) / "include" / "a.h").exists()
