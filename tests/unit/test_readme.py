"""Generated sections of README.md stand between their markers, and are what the repository's data say."""

from __future__ import annotations

from pathlib import Path

import pytest

from wheelworks.errors import ReadmeError
from wheelworks.matrix import Matrix
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
    lines = plan_sections(matrix, project / "bills")["bill"].splitlines()
    assert lines[0].startswith("    warpwright ")
    assert {line.split()[0] for line in lines[2:]} <= set(matrix.operators)
    assert len(lines) > 2


def test_the_readme_of_the_project_is_current(project: Path, matrix: Matrix) -> None:
    text = (project / "README.md").read_text(encoding="utf-8")
    current = fill_sections(text, plan_sections(matrix, project / "bills"))
    assert current == text, "run `nox -s readme`"
