"""What is installed is held against what the wheel brought: files, metadata, and other copies on the path."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from stage import Stage
from warpwright.doctor import installed

REINSTALL = "install the wheel anew with `pip install --force-reinstall --no-deps warpwright`"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def sentence(stage: Stage, name: str) -> str:
    """Return what the doctor tells under a name, among causes or notes; no torch is there, which it tells first."""
    found = stage.doctor("--json").document
    assert found["causes"][0]["id"] == "torch-missing"
    (told,) = (each["sentence"] for each in [*found["causes"], *found["notes"]] if each["id"] == name)
    return str(told)


def test_an_installation_as_the_wheel_brought_it_has_no_cause_and_no_note(stage: Stage) -> None:
    found = stage.doctor("--json")
    assert (found.causes, found.notes) == (["torch-missing"], [])
    files = found.document["warpwright"]["files"]
    assert files["checked"] > 20
    assert (files["damaged"], files["missing"], files["foreign"]) == ([], [], [])


def test_a_file_that_was_changed_after_the_installation_is_named(stage: Stage) -> None:
    text = (stage.package / "rows.py").read_text(encoding="utf-8")
    (stage.package / "rows.py").write_text(text.replace("a", "b", 1), encoding="utf-8")
    assert sentence(stage, "damaged-files") == (
        f"warpwright/rows.py in {stage.site} is not as the wheel brought it: {REINSTALL}"
    )


def test_files_that_are_missing_are_named_and_beyond_five_counted(stage: Stage) -> None:
    for name in ("checks", "contract", "draw", "gradient", "order", "rows", "utils"):
        (stage.package / f"{name}.py").unlink()
    assert sentence(stage, "missing-files") == (
        "warpwright/checks.py, warpwright/contract.py, warpwright/draw.py, warpwright/gradient.py, warpwright/order.py "
        f"and 2 more in {stage.site} are missing: {REINSTALL}"
    )


def test_a_file_that_the_wheel_did_not_bring_is_noted(stage: Stage) -> None:
    (stage.package / "old_gemm.py").touch()
    assert sentence(stage, "foreign-files") == (
        f"warpwright/old_gemm.py in {stage.site} is not of this wheel: remove what you did not put there"
    )


@pytest.mark.parametrize("name", ["causes", "report", "probe"])
@pytest.mark.parametrize("cut", [False, True], ids=["missing", "empty"])
def test_a_doctor_that_is_damaged_itself_ends_in_a_sentence(stage: Stage, name: str, cut: bool) -> None:
    file = stage.package / "doctor" / f"{name}.py"
    file.write_text("") if cut else file.unlink()
    found = stage.doctor()
    assert found.status == 1
    assert REINSTALL in found.out + found.err


def test_a_package_without_metadata_is_told(stage: Stage) -> None:
    shutil.rmtree(stage.metadata)
    assert sentence(stage, "no-metadata") == (
        f"no dist-info stands beside {stage.package}, so nothing tells which files belong to it: {REINSTALL}"
    )
    assert stage.doctor().out.startswith(f"warpwright {stage.version}\n")


@pytest.mark.parametrize("name", ["METADATA", "RECORD", "WHEEL"])
@pytest.mark.parametrize("held", [None, b"\xff\x00\n,,,\n\n", b"x" * 200_000], ids=["missing", "garbage", "long"])
def test_metadata_of_any_kind_ends_in_a_report(stage: Stage, name: str, held: bytes | None) -> None:
    (stage.metadata / name).unlink()
    if held is not None:
        (stage.metadata / name).write_bytes(held)
    found = stage.doctor("--json")
    assert found.causes[0] == "torch-missing"
    assert ("two-wheels" in found.causes) == (name == "METADATA")
    assert ("no-record" in found.causes) == (name == "RECORD")


def test_metadata_of_another_version_than_the_binarys_is_told(stage: Stage) -> None:
    text = (stage.metadata / "METADATA").read_text(encoding="utf-8")
    (stage.metadata / "METADATA").write_text(text.replace(stage.version, "0.0.1+cu999", 1), encoding="utf-8")
    assert sentence(stage, "two-wheels") == (
        f"the installed files are of two wheels, 0.0.1+cu999 by METADATA and {stage.version} by the binary: {REINSTALL}"
    )


def test_two_metadata_in_one_folder_are_named_with_versions_and_paths(stage: Stage) -> None:
    other = stage.site / "warpwright-0.0.1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.4\nName: warpwright\nVersion: 0.0.1\n", encoding="utf-8")
    told = sentence(stage, "two-metadata")
    assert told.startswith("one folder has the metadata of 0.0.1 (")
    assert f"0.0.1 ({other}) and {stage.version} ({stage.metadata}): run `pip uninstall warpwright` until" in told


def test_an_older_copy_on_the_path_is_noted_with_both_versions_and_paths(stage: Stage, tmp_path: Path) -> None:
    older = tmp_path / "older" / "warpwright"
    older.mkdir(parents=True)
    (older / "__init__.py").touch()
    (older / "_build.json").write_text('{"version": "0.0.1"}', encoding="utf-8")
    found = stage.doctor("--json", PYTHONPATH=f"{stage.site}:{older.parent}").document
    (note,) = found["notes"]
    assert note["sentence"] == (
        f"sys.path has 2 copies of warpwright, {stage.version} ({stage.package}) and 0.0.1 ({older}): the first is "
        "imported; remove the others, or their folders from sys.path"
    )
    assert [each["path"] for each in found["warpwright"]["copies"]] == [str(stage.package), str(older)]


def test_one_folder_under_two_names_is_one_copy(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(stage.site)
    found = stage.doctor("--json", PYTHONPATH=f"{stage.site}:{tmp_path / 'link'}:{stage.site}/")
    assert (found.causes, found.notes) == (["torch-missing"], [])


def test_two_torches_on_the_path_are_noted(stage: Stage, tmp_path: Path) -> None:
    for folder, version in ((stage.site, "2.13.0"), (tmp_path / "older", "2.9.0")):
        metadata = folder / f"torch-{version}.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Name: torch\nVersion: {version}\n", encoding="utf-8")
    found = stage.doctor("--json", PYTHONPATH=f"{stage.site}:{tmp_path / 'older'}")
    assert "sys.path has the metadata of 2 torch, 2.13.0 (" in found.document["notes"][0]["sentence"]
    assert [each["version"] for each in found.document["torch"]["metadata"]] == ["2.13.0", "2.9.0"]


def test_an_editable_installation_needs_no_metadata_beside_it(stage: Stage, tmp_path: Path) -> None:
    metadata = Path(shutil.move(stage.metadata, tmp_path / "elsewhere" / stage.metadata.name))
    (metadata / "direct_url.json").write_text(json.dumps({"dir_info": {"editable": True}}), encoding="utf-8")
    found = stage.doctor("--json", PYTHONPATH=f"{stage.site}:{metadata.parent}")
    assert (found.causes, found.notes) == (["torch-missing"], [])


def test_a_file_of_pythons_name_in_the_working_directory_is_noted_and_disturbs_nothing(stage: Stage) -> None:
    for name in ("json", "subprocess", "platform"):
        (stage.folder / f"{name}.py").write_text("raise OSError('of the working directory')", encoding="utf-8")
    told = sentence(stage, "shadowed-modules")
    assert told.startswith(f"{stage.folder / 'json.py'}, ")
    assert told.endswith("are imported in place of Python's own: rename it, or start Python in another folder")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no -P")
def test_options_that_leave_the_working_directory_out_hold_for_the_child_too(stage: Stage) -> None:
    (stage.folder / "json.py").touch()
    (stage.folder / "torch.py").touch()
    found = stage.doctor("--json", options=("-S", "-P"))
    assert (found.causes, found.notes) == (["torch-missing"], [])
    assert stage.doctor("--json").causes == ["torch-stray"]


def test_the_owner_of_a_file_is_the_distribution_whose_record_lists_it(tmp_path: Path) -> None:
    """A placeholder package of the same name owns nothing."""
    library = tmp_path / "nvidia" / "cuda_runtime" / "lib" / "libcudart.so.12"
    records = {
        "nvidia_cuda_runtime-13.0.96.dist-info": "nvidia_cuda_runtime-13.0.96.dist-info/RECORD,,\n",
        "nvidia_cuda_runtime_cu12-12.8.90.dist-info": "nvidia/cuda_runtime/lib/libcudart.so.12,sha256=x,7\n",
        "other-1.0.dist-info": "other/nvidia/cuda_runtime/lib/libcudart.so.12,sha256=x,7\n",
    }
    for name, record in records.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "RECORD").write_text(record, encoding="utf-8")
    assert installed.owner_of(str(library), [str(tmp_path)]) == "nvidia-cuda-runtime-cu12 12.8.90"
    assert installed.owner_of(str(library), [str(tmp_path / "other")]) is None
    (tmp_path / "link").symlink_to(tmp_path)  # a memory map has the file's own path
    assert installed.owner_of(str(library), [str(tmp_path / "link")]) == "nvidia-cuda-runtime-cu12 12.8.90"
    assert installed.owner_of("/usr/lib/libcudart.so.12", [str(tmp_path)]) is None
