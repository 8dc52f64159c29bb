"""The GPU runner gets to the end of a suite whatever its tests do, and counts only what passed as proof.

The suites are small ones without a GPU; the wheel is a stand-in whose torch reports a device.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gpu_runner.__main__ import make_parser, plan_options
from gpu_runner.journal import Tail, at_work, over, read_events
from gpu_runner.prove import Options
from gpu_runner.watch import Limits
from gpu_stand_in import GOOD, Leap, Stand, journals, wait_for
from wheelworks.cli import wheel_tests
from wheelworks.errors import ProofError
from wheelworks.gpu_tests import GpuProof
from wheelworks.proof import read_proof

CRASH = "import os\ndef test_crash(): os._exit(7)\n"
FAIL = "def test_fail(): assert False\n"
SKIP = "import pytest\n@pytest.mark.skip(reason='no path')\ndef test_skip(): pass\n"
TEARDOWN = "import pytest\n@pytest.fixture\ndef f():\n    yield\n    assert False\ndef test_teardown(f): pass\n"
PATHS_ALONE = ("--tools", "none")


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def hang(mark: Path) -> str:
    """Return lines that make a mark, for the clock to see, and never end."""
    return f"import pathlib, threading; pathlib.Path({str(mark)!r}).touch(); threading.Event().wait()"


def test_a_suite_that_passes_on_its_path_and_under_every_tool_proves_its_wheel(stand: Stand) -> None:
    stand.suite(GOOD)
    status, proof = stand.run(wheel := stand.wheel())
    assert status == 0
    assert (proof.machine.device, proof.machine.sm, proof.machine.torch) == ("a GPU", "90", "2.11.0")
    assert [(each.path, each.passed, each.forced) for each in proof.runs] == [("90", 1, False)]
    assert stand.said[-1] == f"{wheel.name}: proved"
    assert f"{wheel.name}, path 90: proved, 1 passed" in stand.printed


@pytest.mark.parametrize(
    ("bad", "word", "name"),
    [
        (CRASH, "crashed", "test_0.py::test_crash"),
        (FAIL, "failed", "test_0.py::test_fail"),
        (TEARDOWN, "failed", "test_0.py::test_teardown"),
    ],
    ids=["crash", "failure", "failing teardown"],
)
def test_a_bad_test_is_named_and_the_rest_still_runs(bad: str, word: str, name: str, stand: Stand) -> None:
    stand.suite(bad, GOOD)
    status, proof = stand.run(wheel := stand.wheel(), *PATHS_ALONE)
    assert status == 1
    assert getattr(proof.runs[0], word) == (name,)
    assert proof.runs[0].passed == 1
    assert f"path 90: NOT PROVED, 1 passed, 1 {word}" in stand.printed
    assert f"its output: {journals(wheel)}" in stand.printed


def test_a_test_that_hangs_is_stopped_at_its_limit_and_the_rest_still_runs(stand: Stand, tmp_path: Path) -> None:
    stand.suite(f"def test_hang():\n    {hang(tmp_path / 'mark')}\n", GOOD)
    stand.clock = Leap(tmp_path / "mark", 400).clock
    status, proof = stand.run(stand.wheel(), *PATHS_ALONE)
    assert status == 1
    assert proof.runs[0].hung == ("test_0.py::test_hang",)
    assert (proof.runs[0].passed, proof.runs[0].fault) == (1, "")


def test_a_slow_start_counts_against_no_test(stand: Stand, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    wait = wait_for([mark.with_suffix(".leapt")], "the clock has passed a test's limit")
    stand.suite(f"import pathlib, time\npathlib.Path({str(mark)!r}).touch()\n{wait}\n{GOOD}")
    stand.clock = Leap(mark, 400).clock
    _, proof = stand.run(stand.wheel(), *PATHS_ALONE)
    assert proof.runs[0].ok


SECOND = "@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_protocol(item):\n    if item.name == 'test_second':\n"


@pytest.mark.parametrize(
    ("conftest", "awaited"),
    [
        ("{hang}\n", "first test"),
        ("import pytest\n" + SECOND + "        {hang}\n    return (yield)\n", "next test"),
        ("def pytest_sessionfinish():\n    {hang}\n", "end"),
    ],
    ids=["import", "between tests", "end"],
)
def test_a_suite_that_stands_still_outside_of_tests_says_where(
    conftest: str, awaited: str, stand: Stand, tmp_path: Path
) -> None:
    stand.suite(GOOD, "def test_second(): pass\n", conftest=conftest.format(hang=hang(tmp_path / "mark")))
    stand.clock = Leap(tmp_path / "mark", 1000).clock
    status, proof = stand.run(stand.wheel(), *PATHS_ALONE)
    assert status == 1
    assert proof.runs[0].fault.splitlines()[0] == f"pytest did not come to its {awaited} within 900 s"
    assert not proof.runs[0].hung


def test_a_suite_that_skips_everything_proves_nothing(stand: Stand) -> None:
    stand.suite(SKIP)
    status, proof = stand.run(stand.wheel(), *PATHS_ALONE)
    assert status == 1
    assert proof.runs[0].skipped == {"Skipped: no path": 1}
    assert "NOT PROVED" in stand.printed
    assert "no code for this GPU" in stand.printed


def test_a_suite_that_cannot_be_collected_is_a_fault_with_what_pytest_printed(stand: Stand) -> None:
    stand.suite("import nothing_of_this_name\n")
    status, proof = stand.run(stand.wheel(), *PATHS_ALONE)
    assert status == 1
    first, *printed = proof.runs[0].fault.splitlines()
    assert first == "pytest ended with 2 outside of any test"
    assert "E   ModuleNotFoundError: No module named 'nothing_of_this_name'" in printed


def test_the_wheels_of_jit_lanes_run_on_their_paths(stand: Stand) -> None:
    stand.suite(f"import os\n{GOOD}def test_path(): assert os.environ.get('WARPWRIGHT_FORCE_SM') in (None, '80')\n")
    wheel, _ = stand.wheel(), stand.wheel(".jit80")
    status, proof = stand.run(wheel)
    assert status == 0
    commit = "a" * 40
    assert [(each.path, each.forced, each.commit) for each in proof.runs] == [
        ("90", False, commit),
        ("80", True, commit),
    ]
    assert proof.untested(["80", "86", "90a"]) == ()
    assert proof.untested(["75", "89"]) == ("75",)
    assert proof.strangers(commit) == ()
    assert [run.path for run in proof.strangers("b" * 40)] == ["80"]


def test_the_command_of_the_pipeline_hands_every_choice_to_the_runner(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []
    monkeypatch.chdir(project)
    monkeypatch.setattr(wheel_tests, "run_gpu_tests", lambda *_, options, **__: given.extend(options))
    wheel_tests.gpu_tests([Path("a.whl")], jit=[Path("/j.whl")], jobs=2, tools="memcheck", limit=1, start_limit=2)
    options = choices(given)
    assert (options.jit, options.jobs, options.tools) == ([Path("/j.whl")], 2, ("memcheck",))
    assert (options.limits, options.resume) == (Limits(1, 2), False)
    given.clear()
    wheel_tests.gpu_tests([Path("a.whl")], resume=True)
    assert choices(given) == choices(["--resume"])


def choices(words: Sequence[str]) -> Options:
    """Return what the runner makes of its arguments."""
    return plan_options(make_parser().parse_args(["a.whl", *words]))


def test_a_proof_that_begins_with_another_wheel_is_refused(stand: Stand) -> None:
    stand.suite(GOOD)
    stand.run(wheel := stand.wheel(), *PATHS_ALONE)
    path = wheel.parent / "proofs" / wheel.stem / "gpu.json"
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    report["runs"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(report), encoding="utf-8")
    with pytest.raises(ProofError, match="the first run is not of the wheel itself"):
        read_proof(wheel, GpuProof)


def test_a_line_that_was_cut_does_not_count(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.write_text('{"event": "start", "test": "a"}\n{"event": "fini', encoding="utf-8")
    assert at_work(read_events(journal)) == "a"
    assert over(read_events(journal)) == set()


def test_a_line_that_is_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.write_text('{"event": "earlier"}\n', encoding="utf-8")
    tail = Tail(journal)
    with journal.open("a", encoding="utf-8", buffering=1) as stream:
        stream.write('{"event": "st')
        stream.flush()
        assert tail.new() == []
        stream.write('art"}\n')
    assert tail.new() == [{"event": "start"}]
    assert tail.new() == []
