"""A new operator's files and rows: all of them or none, and nothing that is there is touched."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

import pytest
import tomllib

from wheelworks import files
from wheelworks.cli.new_operator import new_operator
from wheelworks.errors import FileError, OperatorNameError, TakenError, TemplateError, WheelworksError
from wheelworks.gaps import find_gaps
from wheelworks.matrix import load_matrix
from wheelworks.new_operator import TEMPLATES, plan_operator
from wheelworks.rooms import Project

ROOM = [
    "csrc/elementwise/scale_rows.cpp",
    "csrc/elementwise/scale_rows.cu",
    "include/warpwright/elementwise/scale_rows.cuh",
    "include/warpwright/elementwise/scale_rows.h",
    "python/warpwright/elementwise/scale_rows.py",
]
ROWS = ["csrc/kernels.cmake", "matrix.toml"]


def snapshot(folder: Path) -> dict[str, str | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def checkout(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files concerned, with one family that has operators."""
    folder = tmp_path / "checkout"
    shutil.copytree(project / TEMPLATES, folder / TEMPLATES)
    for name in ROWS:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(project / name, folder / name)
    for name in ("csrc/elementwise", "include/warpwright/elementwise", "python/warpwright/elementwise"):
        (folder / name).mkdir(parents=True)
    (folder / "python/warpwright/elementwise/__init__.py").write_text('"""Norms and activations."""\n', "utf-8")
    monkeypatch.chdir(folder)
    return folder


def changes(before: dict[str, str | None], after: dict[str, str | None]) -> list[str]:
    return sorted(name for name in after if after[name] is not None and before.get(name) != after[name])


def test_every_file_and_both_rows_are_written(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = snapshot(checkout)
    new_operator("elementwise", "scale_rows")
    after = snapshot(checkout)
    assert changes(before, after) == sorted(ROOM + ROWS)
    assert set(before) <= set(after)
    told = capsys.readouterr().out
    assert all(f"wrote file {name}" in told for name in ROOM)
    assert all(f"wrote a row in {name}" in told for name in ROWS)
    assert "nox -s build-wheel" in told


def test_an_operator_is_at_most_eight_files_with_its_page(checkout: Path) -> None:
    assert len(plan_operator(checkout, "elementwise", "scale_rows")) + 1 <= 8


def test_a_dry_run_tells_the_files_and_writes_none(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = snapshot(checkout)
    new_operator("elementwise", "scale_rows", dry_run=True)
    assert snapshot(checkout) == before
    told = capsys.readouterr().out
    assert all(f"would write file {name}" in told for name in ROOM)
    assert "next" not in told


def test_the_row_of_the_matrix_stands_behind_the_last_one(checkout: Path) -> None:
    old = (checkout / "matrix.toml").read_text(encoding="utf-8")
    new_operator("elementwise", "scale_rows")
    new = (checkout / "matrix.toml").read_text(encoding="utf-8")
    row = 'scale_rows = "portable"\n'
    assert new.replace(row, "") == old
    last = list(tomllib.loads(old)["operators"])[-1]
    assert re.search(rf'^{last} = "[\w-]+"\n{row}\n', new, re.MULTILINE)
    assert load_matrix(checkout / "matrix.toml").operators["scale_rows"] == ("75", "80", "86", "89", "90a")


def test_the_unit_stands_behind_the_last_one_in_its_columns(checkout: Path) -> None:
    kernels = "# rows\nwarpwright_add_kernel(a_sm80  gemm/a_sm80.cu               80 USES b)  # why\n# end\n"
    (checkout / "csrc/kernels.cmake").write_text(kernels, encoding="utf-8")
    new_operator("elementwise", "scale_rows")
    assert (checkout / "csrc/kernels.cmake").read_text(encoding="utf-8").splitlines() == [
        "# rows",
        "warpwright_add_kernel(a_sm80  gemm/a_sm80.cu               80 USES b)  # why",
        "warpwright_add_kernel(scale_rows elementwise/scale_rows.cu 75 80 86 89 90a)",
        "# end",
    ]


def test_names_are_put_in_the_place_of_every_placeholder(checkout: Path) -> None:
    texts = plan_operator(checkout, "elementwise", "scale_rows")
    for path in map(Path, ROOM):
        assert "@@" not in texts[path]
        assert all(len(line) <= 120 for line in texts[path].splitlines()), path
    assert "struct ScaleRowsProblem {" in texts[Path(ROOM[3])]
    assert 'WARPWRIGHT_OPERATOR(scale_rows, "(Tensor! out, Tensor input) -> ()");' in texts[Path(ROOM[0])]
    module = ast.parse(texts[Path(ROOM[4])])
    assert {"scale_rows", "check", "reference", "make"} <= {
        node.name for node in module.body if isinstance(node, ast.FunctionDef)
    }


def test_what_is_written_lacks_its_page_alone(checkout: Path) -> None:
    new_operator("elementwise", "scale_rows")
    matrix = load_matrix(checkout / "matrix.toml")
    promised = {"scale_rows": matrix.operators["scale_rows"]}
    kernels = checkout / "csrc/kernels.cmake"
    own = [line for line in kernels.read_text(encoding="utf-8").splitlines() if "(scale_rows " in line]
    kernels.write_text("\n".join(own), encoding="utf-8")
    gaps = find_gaps(Project(checkout, promised, matrix.families))
    assert [gap.path for gap in gaps] == ["docs/operators/scale_rows.md"]


def test_a_family_without_operators_gets_its_package(checkout: Path) -> None:
    new_operator("top_k", "first_rows")
    assert (checkout / "python/warpwright/top_k/__init__.py").read_text(encoding="utf-8").startswith('"""Operators')
    assert (checkout / "csrc/top_k/first_rows.cu").is_file()


def refuse(family: str, name: str, error: type[WheelworksError], checkout: Path) -> str:
    before = snapshot(checkout)
    with pytest.raises(error) as caught:
        new_operator(family, name)
    assert snapshot(checkout) == before
    assert caught.value.fix
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ScaleRows", "lower-case letters and digits, words with one _ between them"),
        ("scale-rows", "lower-case letters and digits"),
        ("_scale", "lower-case letters and digits"),
        ("scale_", "lower-case letters and digits"),
        ("scale__rows", "lower-case letters and digits"),
        ("2d_scale", "lower-case letters and digits"),
        ("größe", "lower-case letters and digits"),
        ("../scale", "lower-case letters and digits"),
        ("", "lower-case letters and digits"),
        ("lambda", "a keyword of Python"),
        ("co_await", "a keyword of C++"),
        ("register", "a keyword of C++"),
        ("scale_sm80", "the launch function of one SM of an operator"),
        ("scale_sm90a", "the launch function of one SM of an operator"),
        ("all", "the build writes warpwright/paths/all.h"),
    ],
)
def test_a_name_that_cannot_be_is_refused(name: str, why: str, checkout: Path) -> None:
    text = refuse("elementwise", name, OperatorNameError, checkout)
    assert f"no operator can be named {name!r}" in text
    assert why in text


@pytest.mark.parametrize("family", ["elementwize", "_elementwise", "../elementwise", "class"])
def test_a_family_that_the_matrix_does_not_have_is_refused(family: str, checkout: Path) -> None:
    text = refuse(family, "scale_rows", OperatorNameError, checkout)
    assert f"there is no family {family!r}" in text
    assert "did you mean" in text or "known: " in text


@pytest.mark.parametrize(
    "place",
    [
        *ROOM,
        "csrc/gemm/scale_rows.cpp",
        "csrc/gemm/scale_rows_sm90a.cu",
        "include/warpwright/gemm/scale_rows.h",
        "python/warpwright/gemm/scale_rows.py",
        "python/warpwright/scale_rows.py",
        "docs/operators/scale_rows.md",
    ],
)
def test_a_file_of_that_name_is_refused_and_named(place: str, checkout: Path) -> None:
    (checkout / place).parent.mkdir(parents=True, exist_ok=True)
    (checkout / place).write_text("", encoding="utf-8")
    assert f"found in {place}" in refuse("elementwise", "scale_rows", TakenError, checkout)


def test_a_folder_of_that_name_is_refused(checkout: Path) -> None:
    (checkout / "python/warpwright/doctor").mkdir()
    assert "found in python/warpwright/doctor" in refuse("elementwise", "doctor", TakenError, checkout)


def test_the_name_of_a_family_is_refused(checkout: Path) -> None:
    assert "found in matrix.toml, as a family" in refuse("elementwise", "mamba", TakenError, checkout)


def test_a_row_of_that_name_is_refused_and_named(checkout: Path) -> None:
    text = refuse("elementwise", "int8_scaled_mm", TakenError, checkout)
    assert "found in csrc/kernels.cmake, matrix.toml" in text


@pytest.mark.parametrize("name", ["make", "launch", "torch"])
def test_a_name_that_the_templates_use_is_refused(name: str, checkout: Path) -> None:
    assert f"found in {TEMPLATES}" in refuse("elementwise", name, TakenError, checkout)


def test_a_project_without_templates_is_refused(checkout: Path) -> None:
    shutil.rmtree(checkout / TEMPLATES)
    assert "there are no files in templates/operator" in refuse("elementwise", "scale_rows", TemplateError, checkout)


def test_an_unknown_placeholder_is_refused_with_the_nearest_one(checkout: Path) -> None:
    (checkout / TEMPLATES / "extra.h").write_text("@@nmae@@", encoding="utf-8")
    text = refuse("elementwise", "scale_rows", TemplateError, checkout)
    assert "templates/operator/extra.h has a placeholder @@nmae@@" in text
    assert "did you mean 'name'?" in text


def test_kernels_without_a_unit_are_refused(checkout: Path) -> None:
    (checkout / "csrc/kernels.cmake").write_text("# none\n", encoding="utf-8")
    assert "write the first unit by hand" in refuse("elementwise", "scale_rows", TemplateError, checkout)


@pytest.mark.parametrize("failing", [*ROOM, *ROWS])
def test_a_write_that_fails_leaves_all_as_it_was(failing: str, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = files.rename

    def fail(unfinished: Path, target: Path) -> None:
        if target == checkout / failing:
            raise FileError(f"cannot write {target}", why="the disk is full", fix="free some space")
        rename(unfinished, target)

    monkeypatch.setattr(files, "rename", fail)
    assert "the disk is full" in refuse("elementwise", "scale_rows", FileError, checkout)


def test_a_family_that_could_not_be_written_leaves_no_folder(checkout: Path) -> None:
    (checkout / "python/warpwright/top_k").write_text("a file in the way", encoding="utf-8")
    refuse("top_k", "first_rows", FileError, checkout)
