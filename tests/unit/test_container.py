"""A command in a container is data: as whom, with which folders, with no network; and it leaves no container behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from doubles import FakeRunner
from wheelworks.build_plan import plan_build
from wheelworks.ccache import Ccache
from wheelworks.container import Container, plan_container, run_in
from wheelworks.errors import ContainerError, DaemonError
from wheelworks.frontend import Frontend
from wheelworks.host_compiler import HostCompiler
from wheelworks.lanes import choose_lane
from wheelworks.matrix import Matrix
from wheelworks.process import Completed
from wheelworks.sources import Sources
from wheelworks.toolchain import Toolchain

FOLDER = Path("/project/build/lane.debian")


@pytest.fixture
def container() -> Container:
    return plan_container(
        "sha256:abc",
        project=Path("/project"),
        folder=FOLDER,
        cache=Path("/cache"),
        compiler_cache=Path("/ccache"),
        user="1000:100",
    )


def words(container: Container) -> str:
    return " ".join(map(str, container.command(["c++", "--version"], Path("/project"), {"KEY": "value"})))


def test_the_command_runs_as_the_caller_without_a_network(container: Container) -> None:
    assert "--user 1000:100" in words(container)
    assert "--network none" in words(container)
    assert "--pull never" in words(container)
    assert words(container).endswith("--env KEY=value --workdir /project sha256:abc c++ --version")


def test_the_source_and_the_toolchain_cannot_be_written_to(container: Container) -> None:
    assert "source=/project,target=/project,readonly" in words(container)
    assert "source=/cache,target=/cache,readonly" in words(container)
    assert f"source={FOLDER},target={FOLDER} " in words(container)
    assert "source=/ccache,target=/ccache " in words(container)


def test_a_comma_in_a_path_adds_no_option_to_a_mount() -> None:
    plan = plan_container(
        "sha256:abc", project=Path("/a,readonly=false"), folder=FOLDER, cache=Path("/cache"),
        compiler_cache=Path("/ccache"), user="0:0",
    )  # fmt: skip
    assert 'type=bind,"source=/a,readonly=false","target=/a,readonly=false",readonly' in words(plan)


def test_two_checkouts_have_containers_of_their_own(container: Container) -> None:
    other = plan_container(
        "sha256:abc", project=Path("/b"), folder=Path("/b/build/lane.debian"), cache=Path("/cache"),
        compiler_cache=Path("/ccache"), user="0:0",
    )  # fmt: skip
    assert other.name != container.name


def test_what_a_killed_build_left_is_removed_first(container: Container) -> None:
    runner = FakeRunner()
    run_in(container, runner)(["true"])
    assert [command[1] for command in runner.commands] == ["rm", "run"]


@pytest.mark.parametrize("status", [137, 143, 124])
def test_a_stopped_container_is_an_error_of_its_own(container: Container, status: int) -> None:
    runner = FakeRunner(lambda command: (status if "run" in command else 0, "[3/18] Building"))
    with pytest.raises(ContainerError, match="was stopped before the build was done") as caught:
        run_in(container, runner)(["true"])
    assert "memory ran out" in caught.value.fix


def test_a_container_that_cannot_start_is_told_with_the_daemons_words(container: Container) -> None:
    runner = FakeRunner(lambda command: (125 if "run" in command else 0, "docker: no space left on device"))
    with pytest.raises(ContainerError, match="cannot start a container of sha256:abc: the disk is full"):
        run_in(container, runner)(["true"])


def test_a_daemon_that_went_away_is_named(container: Container) -> None:
    runner = FakeRunner(lambda command: (125 if "run" in command else 1, "Cannot connect to the Docker daemon"))
    with pytest.raises(DaemonError):
        run_in(container, runner)(["true"])


def test_an_interrupted_build_takes_its_container_along(container: Container) -> None:
    commands: list[Sequence[Any]] = []

    def interrupted(command: Sequence[str | Path], **_: Any) -> Completed:
        commands.append(command)
        if "run" in command:
            raise KeyboardInterrupt
        return Completed(tuple(map(str, command)), 0, "")

    with pytest.raises(KeyboardInterrupt):
        run_in(container, interrupted)(["true"])
    assert list(commands[-1][1:3]) == ["rm", "--force"]


def test_a_compiler_that_fails_is_no_error_of_the_container(container: Container) -> None:
    done = run_in(container, FakeRunner(lambda command: (int("run" in command), "error: x")))(["c++"])
    assert done.returncode == 1


def test_a_build_in_a_container_needs_no_index(matrix: Matrix, tmp_path: Path) -> None:
    plan = plan_build(
        choose_lane(matrix, "universal-x86_64"),
        Toolchain(Path("/cache/toolchains/abc"), "abc", embedded=False),
        Sources({}, {}),
        HostCompiler(Path("/opt/toolchain/bin/c++"), "13"),
        project=tmp_path,
        ccache=Ccache(Path("/opt/toolchain/bin/ccache"), Version("4.11")),
        build_type="Release",
        backend=matrix.tools.backend,
        environment={},
        frontend=Frontend(Path("/cache/uv"), Path("/opt/toolchain/bin/python3"), Path("/cache/backend")),
        folder=tmp_path / "build" / "universal-x86_64.debian",
    )
    assert "--no-build-isolation" in plan.command
    assert plan.environment["UV_OFFLINE"] == "1"
    assert plan.environment["PYTHONPATH"] == "/cache/backend"
    assert plan.environment["WARPWRIGHT_VERSION_LABEL"] == ""
    assert plan.links["cuda"] == Path("/usr/local/cuda")
