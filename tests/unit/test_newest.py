"""The released wheel with the newest torch: where each comes from, and what is said where the two do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from doubles import FakeRunner
from wheelworks.errors import WheelTestError
from wheelworks.newest import check_released

INDEX = "https://wheels.example/cu130/"
SUITE = Path("tests/wheel")


def answer(command: tuple[str, ...]) -> tuple[int, str]:
    return 0, "warpwright 0.1.0+cu130, torch 2.15.0\n" if "-c" in command else ""


def test_the_wheel_comes_from_its_index_and_torch_from_the_users(tmp_path: Path) -> None:
    runner = FakeRunner(answer)
    assert check_released(INDEX, SUITE, run=runner) == "warpwright 0.1.0+cu130, torch 2.15.0"
    install = runner.commands[1]
    assert install[install.index("--index") : install.index("pytest")] == ("--index", INDEX, "warpwright", "torch")
    assert "--prerelease" not in install
    assert str(SUITE.resolve()) in runner.commands[-1]
    assert not list(tmp_path.iterdir())


def test_a_torch_of_tomorrow_comes_from_its_own_index() -> None:
    runner = FakeRunner(answer)
    check_released(INDEX, SUITE, torch_index="https://torch.example/nightly", run=runner)
    assert "--index https://torch.example/nightly --prerelease allow" in " ".join(runner.commands[1])


def test_a_failure_names_both_versions_and_the_way_to_warn_users() -> None:
    runner = FakeRunner(lambda words: (1, "FAILED test_operators.py") if "pytest" in words[2:3] else answer(words))
    with pytest.raises(WheelTestError) as caught:
        check_released(INDEX, SUITE, run=runner)
    text = str(caught.value)
    assert "warpwright 0.1.0+cu130, torch 2.15.0: the released wheel does not pass tests/wheel" in text
    assert "FAILED test_operators.py" in text
    assert "nox -s yank" in text
