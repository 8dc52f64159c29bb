"""What a wheel says of its operators, and what was measured, is read strictly: what is not known is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from doubles import FakeRunner
from operator_documents import OPERATOR, TIMES, WHEEL, document, export, printing, write_times
from wheelworks.errors import ExportError, PagesError, WheelTestError
from wheelworks.measured import Measured, read_measured
from wheelworks.operator_export import read_export, require_promised


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 1}, "its document has schema 1, and this project reads 2"),
        ({"schema": None}, "its document has schema None"),
        ({"extra": 1}, "extra\n  Extra inputs are not permitted"),
        ({"operators": [{**OPERATOR, "colour": "red"}]}, "operators.0.colour"),
        ({"operators": [{name: OPERATOR[name] for name in OPERATOR if name != "family"}]}, "operators.0.family"),
        ({"operators": [{**OPERATOR, "workloads": [{"name": "a"}]}]}, "operators.0.workloads.0.bytes"),
    ],
    ids=["older schema", "no schema", "unknown key", "unknown key of one", "missing key", "missing inside"],
)
def test_a_document_that_is_not_known_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ExportError) as caught:
        export(**change)
    assert words in str(caught.value)
    assert WHEEL.name in str(caught.value)


@pytest.mark.parametrize(
    ("promised", "words"),
    [
        (("rmsnorm", "gelu"), "it has no operator gelu, which matrix.toml promises"),
        ((), "it has an operator rmsnorm, which matrix.toml does not promise"),
    ],
    ids=["missing", "unknown"],
)
def test_a_wheel_of_another_tree_is_refused(promised: tuple[str, ...], words: str) -> None:
    with pytest.raises(ExportError, match=words):
        require_promised(export(), promised, WHEEL)


def test_the_wheel_is_asked_in_a_clean_environment() -> None:
    runner = printing(f"UserWarning: numpy\n{json.dumps(document())}\nanother warning\n")
    assert read_export(WHEEL, torch="torch==2.13.0", run=runner) == export()
    venv, install, ask = runner.commands
    assert "venv" in venv
    assert {str(WHEEL.resolve()), "torch==2.13.0"} <= set(install)
    assert ask[1:] == ("-m", "warpwright.export")


@pytest.mark.parametrize(
    ("runner", "words"),
    [
        (printing("No module named warpwright.export", 1), "No module named warpwright.export"),
        (printing("nothing"), "printed no document"),
        (printing('{"schema": '), "printed a broken document"),
    ],
    ids=["failed", "nothing", "broken"],
)
def test_a_wheel_that_does_not_answer_is_refused(runner: FakeRunner, words: str) -> None:
    with pytest.raises(ExportError, match=words):
        read_export(WHEEL, torch="torch", run=runner)


def test_a_wheel_that_cannot_be_installed_is_refused() -> None:
    with pytest.raises(WheelTestError, match="cannot install"):
        read_export(WHEEL, torch="torch", run=FakeRunner(lambda words: (1, "no such wheel")))  # noqa: ARG005


def test_times_of_the_old_form_are_none(tmp_path: Path) -> None:
    assert read_measured(tmp_path, "rmsnorm") is None
    write_times(tmp_path, json.dumps({"device": "H100", "rows": [{"ours": 1.0}]}))
    assert read_measured(tmp_path, "rmsnorm") is None
    write_times(tmp_path, json.dumps(TIMES))
    assert read_measured(tmp_path, "rmsnorm") == Measured.model_validate(TIMES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda times: times.update(schema=3), "schema"),
        (lambda times: times.update(gpu=1), "gpu"),
        (lambda times: times.update(operator="gelu"), "it says 'gelu'"),
        (lambda times: times["rows"][0].update(us={"torch": 1.0}), "has no time of 'ours'"),
        (lambda times: times["rows"][0].update(floor=0), "greater than 0"),
    ],
    ids=["newer schema", "unknown key", "another operator", "no time", "no floor"],
)
def test_wrong_times_are_refused(change: Callable[[dict[str, Any]], None], words: str, tmp_path: Path) -> None:
    times = copy.deepcopy(TIMES)
    change(times)
    write_times(tmp_path, json.dumps(times))
    with pytest.raises(PagesError) as caught:
        read_measured(tmp_path, "rmsnorm")
    assert words in str(caught.value)
    assert "nox -s bench -- -k rmsnorm" in str(caught.value)


def test_broken_times_are_refused(tmp_path: Path) -> None:
    write_times(tmp_path, "{")
    with pytest.raises(PagesError, match=r"rmsnorm\.json cannot be read"):
        read_measured(tmp_path, "rmsnorm")
