"""The workflows: least permissions, pinned actions, each step a session, and the steps of a release in its order."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import pytest
from packaging.version import Version

from github_kit.workflow import SELF, Job, Project
from wheelworks.github import matrix_outputs, write_outputs
from wheelworks.lanes import plan_lanes
from wheelworks.matrix import Matrix
from wheelworks.release import plan_release

PROJECT = Path(__file__).parents[2]
WORKFLOWS = sorted(path.name for path in (PROJECT / ".github" / "workflows").glob("*.yml"))
PIN = re.compile(r"uses: (?P<action>[\w./-]+)@(?P<commit>[0-9a-f]{40}) # (?P<tag>v\d+\.\d+\.\d+)$")
CONTEXT = {
    "github": {"token": "token"},
    "secrets": {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"},
    "vars": {"INDEX_BUCKET": "s3://wheels", "AWS_ENDPOINT_URL_S3": "https://s3.example"},
}
SYSTEM_PACKAGES = "sudo apt-get install --yes "
WRITERS = {
    ("release.yml", "attest"): {"id-token": "write", "attestations": "write"},
    ("release.yml", "github-release"): {"contents": "write"},
}
"""The jobs that may do more than read the project, and what."""


FOUND = [(name, key, data) for name in WORKFLOWS for key, data in Project(PROJECT).read(name)["jobs"].items()]
JOBS = [pytest.param(*found, id=f"{found[0]}: {found[1]}") for found in FOUND]
STEPS = [
    pytest.param(step, id=f"{name}: {key}, step {number}")
    for name, key, data in FOUND
    for number, step in enumerate(data.get("steps", ()))
]


class Reader:
    """Collects what the steps would run, with the outputs that they would have."""

    def __init__(self, matrix: Matrix) -> None:
        self.outputs = {"matrix": matrix_outputs(matrix), "version": {"version": "0.1.0"}}
        self.commands: list[tuple[str, ...]] = []

    def begin(self, job: Job) -> None:
        assert job.permissions is not None

    def do(self, job: Job, step: Mapping[str, Any]) -> Mapping[str, str]:
        if step.get("run", "").startswith("nox "):
            values = {"GITHUB_REF_NAME": "v0.1.0"} | job.environment_of(step)
            self.commands.append(tuple(shlex.split(Template(step["run"]).substitute(values))))
        return self.outputs.get(step.get("id", ""), {})


def test_the_release_workflow_is_the_plan_of_a_release(matrix: Matrix) -> None:
    reader = Reader(matrix)
    Project(PROJECT, CONTEXT).run("release.yml", reader)
    ran = [words for words in reader.commands if words[2] != "matrix"]  # the plan knows the lanes without a session
    plan = plan_release(matrix, Version("0.1.0"), to="s3://wheels")
    assert ran == [("nox", "-s", step.session, "--", *step.arguments) for step in plan]


def test_github_builds_every_lane_on_a_runner_of_its_architecture(matrix: Matrix) -> None:
    reader = Reader(matrix)
    Project(PROJECT).run("wheels.yml", reader)
    built = [words[4] for words in reader.commands if words[2] == "build-wheel"]
    assert sorted(built) == sorted(lane.name for lane in plan_lanes(matrix))
    assert '"lane": "cu130-all-aarch64", "runner": "ubuntu-24.04-arm"' in matrix_outputs(matrix)["released"]
    assert "jit" not in matrix_outputs(matrix)["released"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_no_permission_and_each_job_the_least(name: str) -> None:
    assert Project(PROJECT).read(name)["permissions"] == {}


@pytest.mark.parametrize(("name", "key", "data"), JOBS)
def test_a_job_reads_the_project_or_is_named_as_one_that_writes(name: str, key: str, data: dict[str, Any]) -> None:
    assert data["permissions"] == WRITERS.get((name, key), {"contents": "read"})


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_one_session_that_a_person_can_run(step: dict[str, Any]) -> None:
    line = step.get("run")
    if line is None or line.startswith(SYSTEM_PACKAGES):
        return
    assert "\n" not in line
    assert "${{" not in line, "a value reaches a shell by its environment"
    session = re.match(r"nox -s ([\w-]+)", line)
    assert session, line
    assert session[1] in sessions()


@pytest.mark.parametrize("step", STEPS)
def test_a_checkout_leaves_no_credentials_behind(step: dict[str, Any]) -> None:
    if step.get("uses", "").startswith("actions/checkout@"):
        assert step["with"]["persist-credentials"] == "false"


def test_every_action_is_pinned_by_its_commit_and_each_by_one() -> None:
    pins = defaultdict(set)
    for path in sorted((PROJECT / ".github").rglob("*.yml")):
        for line in path.read_text("utf-8").splitlines():
            if "uses: " in line and f"uses: {SELF}" not in line:
                found = PIN.search(line)
                assert found, f"{path.name}: {line.strip()}"
                pins[found["action"]].add((found["commit"], found["tag"]))
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


def test_no_change_that_a_stranger_proposes_reaches_our_own_machines() -> None:
    for name in WORKFLOWS:
        found = Project(PROJECT).read(name)
        if any("self-hosted" in job.get("runs-on", "") for job in found["jobs"].values()):
            assert not [event for event in found["on"] if event.startswith("pull_request")], name


def test_secrets_reach_the_one_step_that_needs_them_behind_the_gate_of_an_environment() -> None:
    for name, key, data in FOUND:
        assert "secrets." not in str(data.get("env", "")), f"{name}: {key}"
        if "secrets." in str(data):
            assert data["environment"] == "release"
            assert [step["run"].split()[2] for step in data["steps"] if "secrets." in str(step)] == ["publish"]


def test_the_nightly_tests_take_every_released_lane_from_its_own_index(matrix: Matrix) -> None:
    reader = Reader(matrix)
    Project(PROJECT).run("nightly.yml", reader)
    tried = [words[4] for words in reader.commands if words[2] == "newest-torch" and "--torch-index" not in words]
    assert f"{matrix.release.url}cu130/" in tried
    assert len(tried) == len([lane for lane in plan_lanes(matrix) if not lane.test_only])


def test_a_release_takes_nothing_from_a_cache() -> None:
    called = Project(PROJECT).read("release.yml")["jobs"]["wheels"]
    assert called["with"] == {"fresh": "true"}
    reader, cached = Project(PROJECT).read("wheels.yml")["jobs"], []
    for job in reader.values():
        cached += [step for step in job["steps"] if step.get("uses", "").startswith("actions/cache@")]
    assert cached
    assert all(step["if"] == "${{ !inputs.fresh }}" for step in cached)


def test_outputs_are_added_to_githubs_file_and_nowhere_else(tmp_path: Path) -> None:
    file = tmp_path / "output"
    write_outputs({"version": "0.1.0"}, {})
    assert not file.exists()
    write_outputs({"version": "0.1.0"}, {"GITHUB_OUTPUT": str(file)})
    write_outputs({"lanes": "{}"}, {"GITHUB_OUTPUT": str(file)})
    assert file.read_text("utf-8") == "version=0.1.0\nlanes={}\n"


def test_the_workflows_install_the_uv_of_the_matrix(matrix: Matrix) -> None:
    text = (PROJECT / ".github/actions/tools/action.yml").read_text("utf-8")
    assert f"pipx install {matrix.build_tools.packages[0]}\n" in text


def sessions() -> set[str]:
    text = (PROJECT / "noxfile.py").read_text(encoding="utf-8")
    return set(re.findall(r'nox\.session\(name="([^"]+)"', text)) | set(re.findall(r"\ndef (\w+)\(session", text))
