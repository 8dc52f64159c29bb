"""The release form of a lane is the plan of its build, for cibuildwheel's container; what is generated is current."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tomllib

from wheelworks.cibuildwheel import configuration_path, release_lanes, render_configuration, require_current
from wheelworks.environment import close
from wheelworks.errors import MatrixError
from wheelworks.lanes import choose_lane
from wheelworks.matrix import Matrix


def test_the_configurations_of_the_project_are_current(matrix: Matrix, project: Path) -> None:
    require_current(matrix, project)


def test_one_abi3_wheel_is_built_in_the_lanes_image(matrix: Matrix) -> None:
    parsed = tomllib.loads(render_configuration(matrix, choose_lane(matrix, "universal-x86_64")))
    options = parsed["tool"]["cibuildwheel"]
    assert options["build"] == "cp310-manylinux_x86_64"
    assert options["build-frontend"] == "uv"
    assert options["manylinux-x86_64-image"] == "warpwright-build:universal-x86_64.manylinux-x86_64"
    assert options["config-settings"]["cmake.define.WARPWRIGHT_LANE"] == "universal-x86_64"
    assert options["environment"]["WARPWRIGHT_VERSION_LABEL"] == ""
    assert options["audit-command"] == ""


def test_the_release_form_has_the_plans_closed_environment(matrix: Matrix) -> None:
    parsed = tomllib.loads(render_configuration(matrix, choose_lane(matrix, "universal-x86_64")))
    environment = parsed["tool"]["cibuildwheel"]["environment"]
    assert close({}).variables.items() <= environment.items()
    assert environment["SKBUILD_NO_ENTRYPOINT_CONFIG"] == "1"
    assert not {"HOME", "UV_OFFLINE", "CMAKE_BUILD_PARALLEL_LEVEL"} & environment.keys()


def test_a_lane_without_a_base_that_cibuildwheel_knows_is_refused(matrix: Matrix) -> None:
    without = matrix.model_copy(update={"bases": {"debian": matrix.bases["debian"]}})
    with pytest.raises(MatrixError, match="lane universal-x86_64 has no release form"):
        render_configuration(without, choose_lane(without, "universal-x86_64"))


def test_no_path_of_this_machine_is_in_a_configuration(matrix: Matrix, project: Path) -> None:
    for lane in release_lanes(matrix):
        text = render_configuration(matrix, lane)
        assert str(Path.home()) not in text
        assert str(project) not in text


def test_test_lanes_have_no_release_form(matrix: Matrix) -> None:
    assert not [lane for lane in release_lanes(matrix) if lane.test_only]


@pytest.fixture
def copied(project: Path, tmp_path: Path) -> Path:
    shutil.copytree(project / "docker", tmp_path / "docker")
    return tmp_path


def test_a_changed_configuration_is_told(matrix: Matrix, copied: Path) -> None:
    path = configuration_path(copied, choose_lane(matrix, "universal-x86_64"))
    path.write_text(path.read_text(encoding="utf-8").replace("cp310", "cp311"), encoding="utf-8")
    with pytest.raises(MatrixError, match=r"stale: universal-x86_64\.toml"):
        require_current(matrix, copied)


def test_a_configuration_of_a_lane_that_is_gone_is_told(matrix: Matrix, copied: Path) -> None:
    (copied / "docker" / "cibuildwheel" / "cu110-all-x86_64.toml").write_text("", encoding="utf-8")
    with pytest.raises(MatrixError, match=r"stale: cu110-all-x86_64\.toml"):
        require_current(matrix, copied)
