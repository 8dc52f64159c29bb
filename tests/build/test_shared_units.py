"""Units of several operators: each has its own path table, and the device code names them all."""

from __future__ import annotations

from pathlib import Path

import pytest
from workshop import Workshop, compile_commands, definition, project_of

SHARED = """
warpwright_add_kernel(rmsnorm_sm80 elementwise/rmsnorm.cu 80 86 89 ALSO gemma_rmsnorm silu_and_mul USES cutlass)
warpwright_add_kernel(silu_and_mul elementwise/silu_and_mul.cu 75 90a)
"""
"""A unit of three operators, one of which has a unit of its own for other SMs."""


def test_a_unit_of_several_operators_names_them_and_is_in_the_path_table_of_each(
    workshop: Workshop, tmp_path: Path
) -> None:
    project = project_of(tmp_path / "project", SHARED)
    commands = compile_commands(workshop, tmp_path / "build", project)
    assert "-Xfatbin=-ident=rmsnorm_sm80+gemma_rmsnorm+silu_and_mul " in commands["rmsnorm.cu"]
    assert "warpwright_unit_rmsnorm_sm80.dir" in commands["rmsnorm.cu"]
    paths, row = tmp_path / "build/generated/warpwright/paths", "{80, ::warpwright::Code::kSass, &::warpwright::"
    assert definition(paths / "rmsnorm.h") == f"WARPWRIGHT_PATHS_rmsnorm {row}rmsnorm_sm80}}, {{}}"
    assert definition(paths / "gemma_rmsnorm.h") == f"WARPWRIGHT_PATHS_gemma_rmsnorm {row}rmsnorm_sm80}}, {{}}"
    assert definition(paths / "silu_and_mul.h") == (
        "WARPWRIGHT_PATHS_silu_and_mul {75, ::warpwright::Code::kSass, &::warpwright::silu_and_mul}, "
        f"{row}rmsnorm_sm80}}, {{90, ::warpwright::Code::kSassSpecific, &::warpwright::silu_and_mul}}, {{}}"
    )
    assert definition(paths / "all.h") == (
        'WARPWRIGHT_ALL_PATHS "gemma_rmsnorm: 80; " "rmsnorm: 80; " "silu_and_mul: 75 80 90a; "'
    )


@pytest.mark.parametrize(
    ("sm_set", "served", "twice"),
    [
        pytest.param("75;80", "75 80 90a", "80", id="for-an-sm-of-the-lane"),
        pytest.param("75", "75 86 90a", "86", id="for-an-sm-that-the-lane-does-not-carry"),
    ],
)
def test_an_operator_of_two_units_for_one_sm_is_refused(
    sm_set: str, served: str, twice: str, workshop: Workshop, tmp_path: Path
) -> None:
    project = project_of(tmp_path / "project", SHARED.replace("75 90a", served))
    done = workshop.configure(tmp_path / "build", project, WARPWRIGHT_SM_SET=sm_set)
    assert not done.ok
    assert (
        f"warpwright_add_kernel(silu_and_mul): silu_and_mul is named twice for SM {twice}, rmsnorm_sm80 serves it "
        "already; an operator has one launch function for each SM, take it from one of the rows"
    ) in " ".join(done.output.split())
