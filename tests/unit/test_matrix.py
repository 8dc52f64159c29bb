"""matrix.toml is parsed strictly: what is wrong is refused with what, why and the nearest right word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wheelworks.errors import MatrixError, UnknownLaneError
from wheelworks.lanes import choose_lane, lane_of_label, plan_lanes
from wheelworks.matrix import Matrix, load_matrix, parse_matrix


def refusal(data: dict[str, Any]) -> str:
    with pytest.raises(MatrixError) as caught:
        parse_matrix(data)
    return str(caught.value)


def test_the_projects_matrix_is_accepted(project: Path) -> None:
    assert plan_lanes(load_matrix(project / "matrix.toml"))[0].name == "cu130-all-x86_64"


def test_an_unknown_key_is_refused_with_the_nearest_known_one(matrix_data: dict[str, Any]) -> None:
    matrix_data["toolkits"]["cu130"]["packges"] = []
    assert "toolkits.cu130.packges: unknown key, did you mean 'packages'?" in refusal(matrix_data)


def test_an_unknown_key_at_the_top_is_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["lane"] = []
    assert "lane: unknown key, did you mean 'lanes'?" in refusal(matrix_data)


def test_an_sm_that_the_toolkit_cannot_compile_is_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["sm-sets"]["all"] = ["70", "80"]
    text = refusal(matrix_data)
    assert "SM 70 of the set 'all' is none that CUDA 13.0 compiles" in text
    assert "did you mean" in text


def test_a_word_that_is_no_sm_is_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["sm-sets"]["all"] = ["sm_80"]
    assert "'sm_80' is no SM; expected for example 80, 90a or 80-ptx" in refusal(matrix_data)


def test_an_empty_sm_set_is_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["sm-sets"]["all"] = []
    assert "sm-sets.all" in refusal(matrix_data)


def test_an_sm_named_twice_is_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["sm-sets"]["all"] = ["80", "80"]
    assert "named twice: 80" in refusal(matrix_data)


def test_two_lanes_of_one_name_are_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["lanes"].append(dict(matrix_data["lanes"][0]))
    assert "a second lane named 'cu130-all-x86_64'" in refusal(matrix_data)


def test_a_lane_without_its_toolkit_is_refused_with_the_nearest_one(matrix_data: dict[str, Any]) -> None:
    matrix_data["lanes"][0]["toolkit"] = "cuda130"
    assert "no toolkit 'cuda130', did you mean 'cu130'?" in refusal(matrix_data)


def test_an_unpinned_package_is_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["tools"]["packages"] = ["cmake"]
    assert "'cmake' is no pinned package; expected name==version" in refusal(matrix_data)


def test_a_path_that_leads_out_is_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["sources"]["cutlass"]["folders"] = ["../include"]
    assert "'../include' leads out of the folder that it is in" in refusal(matrix_data)


def test_a_released_sm_without_a_budget_is_refused(matrix_data: dict[str, Any]) -> None:
    del matrix_data["budget"]["sms"]["90a"]
    assert "budget.sms: no budget for SM 90a, which a released lane carries" in refusal(matrix_data)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("wheel", 0, "budget.wheel: Input should be greater than 0"),
        ("sms", {"sm_80": 1}, "'sm_80' is no SM"),
        ("may-spil", [], "budget.may-spil: unknown key, did you mean 'may-spill'?"),
    ],
    ids=["no bytes", "no SM", "unknown key"],
)
def test_a_wrong_budget_is_refused(key: str, value: object, words: str, matrix_data: dict[str, Any]) -> None:
    matrix_data["budget"][key] = value
    assert words in refusal(matrix_data)


def test_an_operator_has_the_sms_of_the_promise_that_its_row_names(matrix_data: dict[str, Any]) -> None:
    matrix = parse_matrix(matrix_data)
    assert matrix.operators["fp8_blockwise_scaled_mm"] == ("90a",)
    assert list(matrix.operators) == list(matrix_data["operators"])


def test_an_unknown_promise_is_refused_with_the_nearest_one(matrix_data: dict[str, Any]) -> None:
    matrix_data["operators"]["rmsnorm"] = "portabel"
    assert "operators.rmsnorm: no promise 'portabel', did you mean 'portable'?" in refusal(matrix_data)


def test_a_list_in_the_place_of_a_promise_is_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["operators"]["rmsnorm"] = ["75"]
    assert "operators.rmsnorm: Input should be a valid string" in refusal(matrix_data)


def test_a_promise_that_no_operator_names_is_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["promises"]["turing"] = ["75"]
    assert "promises.turing: no operator names it" in refusal(matrix_data)


def test_two_promises_of_the_same_sms_are_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["promises"]["everywhere"] = list(reversed(matrix_data["promises"]["portable"]))
    matrix_data["operators"]["rmsnorm"] = "everywhere"
    assert "promises.everywhere: the SMs of 'portable'; equal promises share a name" in refusal(matrix_data)


@pytest.mark.parametrize("sms", [["sm_80"], [], ["80", "80"]], ids=["no SM", "none", "twice"])
def test_a_wrong_promise_is_refused(sms: list[str], matrix_data: dict[str, Any]) -> None:
    matrix_data["promises"]["hopper"] = sms
    assert "promises.hopper" in refusal(matrix_data)


@pytest.mark.parametrize("family", ["Gemm", "top-k", "top__k", "gemm"], ids=["capital", "hyphen", "two", "twice"])
def test_a_wrong_family_is_refused(family: str, matrix_data: dict[str, Any]) -> None:
    matrix_data["families"].append(family)
    assert "families" in refusal(matrix_data)


def test_a_shortened_commit_is_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["sources"]["cutlass"]["commit"] = "59b61c6"
    assert "sources.cutlass.commit" in refusal(matrix_data)


def universal(data: dict[str, Any]) -> dict[str, Any]:
    return next(lane for lane in data["lanes"] if lane.get("universal"))


def test_the_universal_lane_has_its_own_name_and_no_label(matrix: Matrix) -> None:
    lane = choose_lane(matrix, "universal-x86_64")
    assert lane.label == ""
    assert lane.cuda.release == (12, 4)


def test_a_universal_lane_of_cuda_13_is_refused(matrix_data: dict[str, Any]) -> None:
    universal(matrix_data)["toolkit"] = "cu130"
    assert "a universal wheel is built with CUDA 12 for the set 'all', this is CUDA 13.0" in refusal(matrix_data)


def test_a_container_toolkit_without_a_base_is_refused(matrix_data: dict[str, Any]) -> None:
    del universal(matrix_data)["base"]
    assert ".base: None, and toolkit 'cu124' is container; a container one has a base" in refusal(matrix_data)


def test_an_unknown_base_is_refused_with_the_nearest_one(matrix_data: dict[str, Any]) -> None:
    universal(matrix_data)["base"] = "debain"
    assert ".base: no base 'debain', did you mean 'debian'?" in refusal(matrix_data)


def test_a_base_of_another_architecture_is_refused(matrix_data: dict[str, Any]) -> None:
    universal(matrix_data)["base"] = "manylinux-aarch64"
    assert ".base: 'manylinux-aarch64' is not for x86_64" in refusal(matrix_data)


def test_an_unknown_key_of_an_image_is_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["bases"]["debian"]["image"]["digset"] = "sha256:0"
    assert "bases.debian.image.digset: unknown key, did you mean 'digest'?" in refusal(matrix_data)


def test_a_word_that_is_no_digest_is_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["bases"]["debian"]["image"]["digest"] = "sha256:abc"
    assert "bases.debian.image.digest" in refusal(matrix_data)


def test_another_backend_than_the_containers_is_refused(matrix_data: dict[str, Any]) -> None:
    matrix_data["tools"]["backend"] = "scikit-build-core==1.0.0"
    assert "build-tools.packages: lacks 'scikit-build-core==1.0.0'" in refusal(matrix_data)


def test_all_faults_are_told_at_once(matrix_data: dict[str, Any]) -> None:
    matrix_data["python"]["abi"] = "py3"
    matrix_data["torch"]["flor"] = "2.10"
    text = refusal(matrix_data)
    assert "python.abi" in text
    assert "did you mean 'floor'?" in text


def test_a_file_that_is_no_toml_is_refused_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "matrix.toml").write_text("schema = 1\nlanes = [", encoding="utf-8")
    with pytest.raises(MatrixError, match="is no TOML"):
        load_matrix(tmp_path / "matrix.toml")


def test_a_lane_is_found_by_name_and_the_first_is_the_default(matrix: Matrix) -> None:
    assert choose_lane(matrix, None).name == "cu130-all-x86_64"
    assert choose_lane(matrix, "cu135-all-x86_64").cuda.release == (13, 5)


def test_an_unknown_lane_is_refused_with_the_nearest_one(matrix: Matrix) -> None:
    with pytest.raises(UnknownLaneError, match="did you mean 'cu130-all-x86_64'"):
        choose_lane(matrix, "cu130-al-x86_64")


def test_a_label_leads_back_to_its_lane(matrix: Matrix) -> None:
    for lane in plan_lanes(matrix):
        assert lane_of_label(matrix, lane.label, lane.architecture) == lane
    assert lane_of_label(matrix, "cu999", "x86_64") is None
