"""What the benchmarks share with the tests of contracts: the mark of a case, and warnings that are not ours."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "operator(name): the operator whose SM path the case needs")
    config.addinivalue_line("filterwarnings", "ignore:.torch.jit.script.*is deprecated")
    config.addinivalue_line("filterwarnings", "ignore::UserWarning:torch")
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning")
