"""Every cell: an installer gets exactly the wheel of the manifest, or says in words why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from client_kit.cells import Cell, Table, expected_wheel
from client_kit.installers import Installer, Machine, find_python, uv
from client_kit.served import PROJECT, Served
from wheelworks import files
from wheelworks.lanes import plan_lanes
from wheelworks.matrix import load_matrix

MATRIX = load_matrix(PROJECT / "matrix.toml")
LABELS = sorted({lane.label for lane in plan_lanes(MATRIX) if not lane.test_only})
PYTHONS = ["3.9", *map(str, MATRIX.python.tested)]
CELLS = [
    *(Cell(label, Machine(python, cpu)) for label in LABELS for cpu in ("x86_64", "aarch64") for python in PYTHONS),
]
REFUSALS = (
    "No matching distribution found for warpwright",  # pip
    "no wheels with a matching platform tag",  # uv: another CPU; a version has, and all versions have
    "no wheels with a matching Python implementation tag",  # uv: an older Python
    "was not found in the package registry",  # uv: no index of this label
)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_an_installer_gets_the_wheel_of_the_manifest_or_says_why_not(
    cell: Cell, installer: Installer, subject: Served, table: Table, tmp_path: Path
) -> None:
    expected = expected_wheel(subject.catalogue, cell)
    with subject.nginx.watched() as requests:
        done = installer.fetch(["warpwright"], f"{subject.nginx.url}{cell.folder}", cell.machine, tmp_path / "got")
    fetched = [request.path for request in requests if request.path.endswith(".whl")]
    if expected is None:
        assert not done.ok
        assert fetched == []
        assert any(words in " ".join(done.output.split()) for words in REFUSALS), done.output
    else:
        assert done.ok, done.output
        assert set(fetched) == {f"/files/{expected.file}"}
        assert files.sha256_of(subject.folder / "files" / expected.file) == expected.sha256
    table.add(cell, installer.name, expected.file if expected else None)


def test_an_index_that_is_not_there_is_named(installer: Installer, subject: Served, tmp_path: Path) -> None:
    index = f"{subject.nginx.url}cu999/"
    done = installer.fetch(["warpwright"], index, Machine("3.12", "x86_64"), tmp_path)
    assert not done.ok
    assert index in done.output or "was not found in the package registry" in done.output, done.output


@pytest.mark.parametrize("version", [str(version) for version in MATRIX.python.tested])
def test_the_wheel_installs_into_a_python_of_this_machine(version: str, subject: Served, tmp_path: Path) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"this machine has no Python {version}; the cells resolve for it from another")
    expected = expected_wheel(subject.catalogue, Cell("cu130", Machine(version, "x86_64")))
    assert expected is not None
    interpreter = tmp_path / "venv" / "bin" / "python"
    assert uv("venv", "--python", python, tmp_path / "venv").ok
    index = f"{subject.nginx.url}cu130/"
    done = uv("pip", "install", "--no-deps", "--no-cache", "--python", interpreter, "warpwright", "--index", index)
    assert done.ok, done.output
    shown = uv("pip", "freeze", "--python", interpreter)
    assert shown.output.splitlines()[-1] == f"warpwright=={expected.version}"
