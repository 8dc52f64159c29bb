"""The sections of README.md that are generated: each stands between two markers, and nothing else is touched.

A section named ``bill`` starts with ``<!-- bill: ... -->`` and ends with ``<!-- end of bill -->``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from wheelworks.bill import read_accepted, render_bill
from wheelworks.compat import read_accepted_table, render_table
from wheelworks.errors import ReadmeError
from wheelworks.lanes import choose_lane, plan_lanes
from wheelworks.matrix import Matrix

SECTION = re.compile(r"(?P<start><!-- (?P<name>[\w-]+): [^\n]*-->\n).*?(?P<end><!-- end of (?P=name) -->)", re.DOTALL)
END = re.compile(r"<!-- end of ([\w-]+) -->")


def plan_sections(matrix: Matrix, bills: Path, tables: Path) -> dict[str, str]:
    """Return the text of every section that can be generated from what the repository holds."""
    lane = choose_lane(matrix, None)
    accepted = read_accepted(bills, lane.name)
    earned = [table for each in plan_lanes(matrix) if (table := read_accepted_table(tables, each.name)) is not None]
    sections = {}
    if accepted is not None:
        size = f"{accepted.wheel_bytes / 1024:.0f} KiB"
        head = f"warpwright {accepted.version}, lane {lane.name}, a file of {size}; code in KiB\n"
        sections["bill"] = _indented(head + render_bill(accepted.rows, lane.sm_set))
    if earned:
        sections["compat"] = "\n".join(map(render_table, earned))
    return sections


def fill_sections(text: str, sections: Mapping[str, str]) -> str:
    """Put every section between its markers; a marker for a section that there is none of is an error."""

    def put(found: re.Match[str]) -> str:
        if found["name"] not in sections:
            raise ReadmeError(
                f"README.md has the markers of a section {found['name']!r}",
                why=f"what can be generated: {', '.join(sorted(sections)) or 'nothing'}",
                fix="correct the name, or accept its source with `nox -s bill -- --accept WHEEL` (or compat)",
            )
        return f"{found['start']}\n{sections[found['name']]}\n{found['end']}"

    if alone := sorted(set(END.findall(text)) - {found["name"] for found in SECTION.finditer(text)}):
        raise ReadmeError(
            f"README.md ends a section {alone[0]!r} that does not start",
            why="a section starts with a line of its own, as in `<!-- bill: where it comes from -->`",
            fix="mend the markers",
        )
    return SECTION.sub(put, text)


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())
