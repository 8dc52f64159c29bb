"""Generated sections of README.md stand between their markers, and are what the repository's data say."""

from __future__ import annotations

from pathlib import Path

import pytest

from release_maker import FACTS
from wheelworks.cli.readme import readme as cli_readme
from wheelworks.compat import Cell, Compat, write_accepted_table
from wheelworks.errors import ReadmeError
from wheelworks.matrix import Matrix
from wheelworks.proof import ProofKind
from wheelworks.readme import fill_sections, plan_sections

TEXT = "before\n\n<!-- bill: generated -->\n\nold\n\n<!-- end of bill -->\n\nafter\n"


def test_a_section_is_replaced_and_the_rest_stays() -> None:
    new = fill_sections(TEXT, {"bill": "    new\n"})
    assert new == "before\n\n<!-- bill: generated -->\n\n    new\n\n<!-- end of bill -->\n\nafter\n"
    assert fill_sections(new, {"bill": "    new\n"}) == new
    assert fill_sections(TEXT.replace("\nold\n\n", ""), {"bill": "    new\n"}) == new


def test_a_text_without_markers_stays() -> None:
    assert fill_sections("# warpwright\n<!-- a note -->\n", {"bill": "new"}) == "# warpwright\n<!-- a note -->\n"


def test_a_marker_without_its_other_half_is_refused() -> None:
    with pytest.raises(ReadmeError, match="ends a section 'bill' that does not start"):
        fill_sections(TEXT.replace("<!-- bill: generated -->\n", "<!-- bill -->\n"), {"bill": ""})


def test_markers_of_a_section_that_is_not_generated_are_refused() -> None:
    with pytest.raises(ReadmeError, match="section 'bill'"):
        fill_sections(TEXT, {"other": ""})


def test_the_bill_has_every_operator_of_the_accepted_one(project: Path, matrix: Matrix) -> None:
    lines = plan_sections(matrix, project / "bills", project / "compat")["bill"].splitlines()
    assert lines[0].startswith("    warpwright ")
    assert {line.split()[0] for line in lines[2:]} <= set(matrix.operators)
    assert len(lines) > 2


def accept_table(folder: Path, matrix: Matrix, passed: int, row: int = 0) -> None:
    (cell,) = FACTS[ProofKind.COMPAT]["cells"]
    cells = (Cell.model_validate({**cell, "passed": passed}),)
    lane = matrix.lanes[row].name
    write_accepted_table(folder, Compat(wheel="a.whl", sha256="b" * 64, lane=lane, version="0.1.0+cu130", cells=cells))


def test_the_table_of_compatibility_is_the_accepted_one(matrix: Matrix, tmp_path: Path) -> None:
    accept_table(tmp_path, matrix, 63)
    section = plan_sections(matrix, tmp_path / "none", tmp_path)["compat"]
    assert f"sha256 `{'b' * 64}`" in section
    assert "| 2.10.0 (cu128) | 63 passed |" in section


def test_every_lane_has_its_own_table_in_the_order_of_the_matrix(matrix: Matrix, tmp_path: Path) -> None:
    for row, passed in ((1, 62), (0, 63)):
        accept_table(tmp_path, matrix, passed, row)
    section = plan_sections(matrix, tmp_path / "none", tmp_path)["compat"]
    assert 0 < section.index("| 63 passed |") < section.index("| 62 passed |")


def test_a_readme_behind_its_table_is_stale_until_it_is_written_anew(
    matrix: Matrix, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "matrix.toml").symlink_to(project / "matrix.toml")
    accept_table(tmp_path / "compat", matrix, 63)
    readme = tmp_path / "README.md"
    readme.write_text("<!-- compat: generated -->\n<!-- end of compat -->\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    cli_readme()
    cli_readme(check=True)
    accept_table(tmp_path / "compat", matrix, 64)
    with pytest.raises(ReadmeError, match=r"out of date[\s\S]*run `nox -s readme`"):
        cli_readme(check=True)
    assert "| 63 passed |" in readme.read_text(encoding="utf-8")
    cli_readme()
    assert "| 64 passed |" in readme.read_text(encoding="utf-8")


def test_the_readme_of_the_project_is_current(project: Path, matrix: Matrix) -> None:
    text = (project / "README.md").read_text(encoding="utf-8")
    current = fill_sections(text, plan_sections(matrix, project / "bills", project / "compat"))
    assert current == text, "run `nox -s readme`"
