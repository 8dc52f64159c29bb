"""Ten thousand wheels: the index is made in seconds, and a release on top of them writes its own pages alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path
from typing import Any, TypeVar

import pytest

from release_maker import NOTICES, make_release, small_matrix
from wheelworks.index import Catalogue, update_index
from wheelworks.manifest import Manifest
from wheelworks.matrix import Matrix

WHEELS = 10_000
LIMIT = 20.0
"""Seconds of the processor: twice the project's goal, because most of them are spent by the file system on 20,000 new
files, and machines differ in that. What it took is printed."""

Result = TypeVar("Result")


def timed(what: str, work: Callable[[], Result]) -> tuple[Result, float]:
    start, clock = time.process_time(), time.monotonic()
    result = work()
    seconds = time.process_time() - start
    print(f"{what}: {seconds:.1f} s of the processor, {time.monotonic() - clock:.1f} s of the clock")  # noqa: T201
    return result, seconds


def version_of(manifest: Manifest, version: str) -> Manifest:
    """Return the same release under another version."""
    data = manifest.model_dump_json(by_alias=True).replace("0.1.0", version)
    return Manifest.model_validate_json(data)


@pytest.fixture
def matrix(matrix_data: dict[str, Any]) -> Matrix:
    return small_matrix(matrix_data)


@pytest.fixture
def manifests(tmp_path: Path, matrix: Matrix) -> list[Manifest]:
    """Return the manifests, with a folder of their wheels: of one content, because making real ones is not timed."""
    first = make_release(tmp_path / "dist", matrix)
    made = [version_of(first, f"1.{number}.0") for number in range(WHEELS // len(first.wheels) + 1)]
    for manifest in made:
        for wheel, source in zip(manifest.wheels, first.wheels, strict=True):
            os.link(tmp_path / "dist" / source.file, tmp_path / "dist" / wheel.file)
    return made


def test_ten_thousand_wheels_take_seconds_and_one_more_release_its_own_pages(
    tmp_path: Path, manifests: list[Manifest]
) -> None:
    *known, added = manifests
    folder, dist = tmp_path / "index", tmp_path / "dist"
    everything = Catalogue(NOTICES, tuple(known))
    first, seconds = timed("10,000 wheels", lambda: update_index(folder, NOTICES, lambda _: everything, wheels=dist))
    assert len(first.placed) == 2 * sum(len(manifest.wheels) for manifest in known)
    assert seconds < LIMIT
    add = methodcaller("with_manifest", added)
    second, seconds = timed("one more release", lambda: update_index(folder, NOTICES, add, wheels=dist))
    assert seconds < LIMIT
    assert len(second.placed) == 2 * len(added.wheels)
    labels = {wheel.label for wheel in added.wheels}
    pages = {
        f"{folder}warpwright/index.{form}" for folder in ("", *(f"{x}/" for x in labels)) for form in ("html", "json")
    }
    rest = {"about/warpwright/index.html", f"manifests/warpwright-{added.version}.json", "SHA256SUMS"}
    assert set(second.written) == pages | rest
