"""A new operator as `nox -s new-operator` writes it: eight files, of which the wheel passes everything."""

from __future__ import annotations

import filecmp
from collections.abc import Iterator
from pathlib import Path

import pytest
from workshop import PROJECT, build_in, copy_of_this_checkout, wheelworks_in

pytestmark = pytest.mark.slow


def differing(folder: Path, other: Path, below: Path = Path()) -> Iterator[str]:
    """Yield the files of a folder that another lacks or has otherwise."""
    for path in sorted((folder / below).iterdir()):
        place = below / path.name
        if path.is_dir() and path.name not in ("build", "dist", "__pycache__"):
            yield from differing(folder, other, place)
        elif path.is_file() and not (other / place).is_file():
            yield str(place)
        elif path.is_file() and not filecmp.cmp(path, other / place, shallow=False):
            yield str(place)


def test_a_new_operator_is_eight_files_and_passes_everything(wheel: Path, tmp_path: Path) -> None:
    """The wheel comes first: what it has compiled is in the cache, and the operator's own units alone are compiled."""
    checkout = copy_of_this_checkout(tmp_path / "checkout")
    made = wheelworks_in(checkout, "new-operator", "elementwise", "scale_rows")
    assert made.returncode == 0, made.stdout
    built = build_in(checkout)
    assert built.returncode == 0, built.stdout
    (other,) = (checkout / "dist").glob("*.whl")
    assert other.name == wheel.name
    paged = wheelworks_in(checkout, "operator-pages", str(other))
    assert paged.returncode == 0, paged.stdout
    assert list(differing(checkout, PROJECT)) == [
        "csrc/elementwise/scale_rows.cpp",
        "csrc/elementwise/scale_rows.cu",
        "csrc/kernels.cmake",
        "docs/operators/scale_rows.md",
        "include/warpwright/elementwise/scale_rows.cuh",
        "include/warpwright/elementwise/scale_rows.h",
        "matrix.toml",
        "python/warpwright/elementwise/scale_rows.py",
    ]


def test_the_pages_of_the_operators_are_those_of_the_wheel(wheel: Path) -> None:
    done = wheelworks_in(PROJECT, "operator-pages", str(wheel), "--check")
    assert done.returncode == 0, done.stdout
