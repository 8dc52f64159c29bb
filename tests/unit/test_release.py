"""The plan of a release: all lanes, each step a session that exists, and the first failure ends it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.version import Version

from doubles import FakeRunner
from wheelworks.errors import ReleaseError
from wheelworks.lanes import plan_lanes
from wheelworks.matrix import Matrix
from wheelworks.release import Step, plan_release, run_step

VERSION = Version("0.1.0")


@pytest.fixture
def steps(matrix: Matrix) -> tuple[Step, ...]:
    return plan_release(matrix, VERSION, url="https://wheels.example/")


def test_a_release_builds_every_lane_and_tests_what_it_publishes(steps: tuple[Step, ...], matrix: Matrix) -> None:
    built = {step.arguments[0]: step.arguments for step in steps if step.session == "build-wheel"}
    assert list(built) == [lane.name for lane in plan_lanes(matrix)]
    assert {name for name, words in built.items() if "--untested" in words} == {
        lane.name for lane in plan_lanes(matrix) if lane.test_only
    }
    assert all("--release" in words for words in built.values())


def test_the_clients_test_the_index_after_the_manifest_has_proved_it(steps: tuple[Step, ...]) -> None:
    order = [step.session for step in steps if step.session != "build-wheel"]
    assert list(dict.fromkeys(order)) == [
        "version",
        "gpu-tests",
        "compat",
        "manifest",
        "fetch-index",
        "index",
        "client-tests",
        "verify",
    ]


@pytest.mark.parametrize(
    ("to", "last"),
    [
        ("/srv/wheels", "nox -s publish -- folder /srv/wheels --index index"),
        ("s3://wheels/pip", "nox -s publish -- s3 s3://wheels/pip --index index"),
    ],
)
def test_the_index_is_public_after_all_else(to: str, last: str, matrix: Matrix, steps: tuple[Step, ...]) -> None:
    public = plan_release(matrix, VERSION, url="https://wheels.example/", to=to)
    assert public[: len(steps)] == steps
    assert list(map(str, public[len(steps) :])) == ["nox -s publish -- github dist/warpwright-0.1.0.json", last]


def test_every_step_reads_as_a_command(steps: tuple[Step, ...]) -> None:
    assert str(steps[0]) == "nox -s version -- --tag v0.1.0"
    assert "nox -s client-tests -- --index index" in map(str, steps)
    assert "nox -s gpu-tests -- dist/*_x86_64.whl" in map(str, steps)
    assert str(Step("publish", ("folder", "my dir/*.whl", ""), "")) == "nox -s publish -- folder 'my dir/'*.whl ''"


def test_every_step_is_a_session_of_the_noxfile(steps: tuple[Step, ...], project: Path) -> None:
    text = (project / "noxfile.py").read_text(encoding="utf-8")
    sessions = set(re.findall(r'nox\.session\(name="([^"]+)"', text)) | set(re.findall(r"\ndef (\w+)\(session", text))
    assert {step.session for step in steps} <= sessions


def test_a_step_takes_the_wheels_that_are_there_by_then(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    for name in ("b.whl", "a.whl", "a.json"):
        (tmp_path / "dist" / name).touch()
    runner = FakeRunner()
    run_step(Step("gpu-tests", ("dist/*.whl",), "tested"), tmp_path, runner, print)
    assert runner.commands == [("nox", "-s", "gpu-tests", "--", "dist/a.whl", "dist/b.whl")]


def test_a_failed_step_ends_the_release(tmp_path: Path) -> None:
    runner = FakeRunner(lambda _: (3, "lane cu130-all-x86_64 has no wheel"))
    with pytest.raises(ReleaseError, match=r"stopped at `nox -s manifest -- dist`[\s\S]*has no wheel"):
        run_step(Step("manifest", ("dist",), "whole"), tmp_path, runner, print)
