"""What the unit tests share: the project's own matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomllib

from rerun import pytest_terminal_summary as pytest_terminal_summary
from wheelworks.matrix import Matrix, parse_matrix

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def project() -> Path:
    return PROJECT


@pytest.fixture
def matrix_data() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "matrix.toml").read_text(encoding="utf-8"))


@pytest.fixture
def matrix(matrix_data: dict[str, Any]) -> Matrix:
    return parse_matrix(matrix_data)
