"""SHA256SUMS: what coreutils read, and nothing that leads out of the folder."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from release_maker import make_index, small_matrix
from wheelworks.checksums import NAME, read_checksums, write_checksums
from wheelworks.errors import ChecksumsError
from wheelworks.index import CURRENT

DIGEST = "0" * 64


def test_checksums_are_read_as_they_were_written() -> None:
    rows = {"files/b-1.0+cu130-py3-none-any.whl": DIGEST, "a": hashlib.sha256(b"a").hexdigest()}
    assert read_checksums(write_checksums(rows.items()).encode()) == rows


def test_sha256sum_agrees_with_those_of_an_index(tmp_path: Path, matrix_data: dict[str, object]) -> None:
    tree = make_index(tmp_path, small_matrix(matrix_data)) / CURRENT
    command = ["sha256sum", "--check", "--strict", "--quiet", NAME]
    subprocess.run(command, cwd=tree, check=True)
    (tree / "index.html").write_text("another page", encoding="utf-8")
    done = subprocess.run(command, cwd=tree, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "index.html: FAILED\n")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (f"{DIGEST}  ../a\n".encode(), "line 1 is no digest and plain path"),
        (f"{DIGEST}  /etc/passwd\n".encode(), "line 1 is no digest and plain path"),
        (f"{DIGEST}  a//b\n".encode(), "line 1 is no digest and plain path"),
        (f"{DIGEST}  a\n{DIGEST[1:]}  b\n".encode(), "line 2 is no digest and plain path"),
        (f"{DIGEST}  a\n{DIGEST}  a\n".encode(), "a path stands there twice"),
        (f"{DIGEST}  \u00e9\n".encode(), "can't decode byte"),
    ],
    ids=["above the folder", "absolute", "empty part", "short digest", "twice", "no ASCII"],
)
def test_hostile_checksums_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(ChecksumsError, match=rf"SHA256SUMS is refused\n  why: .*{why}"):
        read_checksums(data)
