"""The runner has a tool of compute-sanitizer look at every path, and believes nothing that the tool did not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpu_runner.sanitizer import Findings, find_sanitizer, read_findings
from gpu_stand_in import GOOD, NO_ERRORS, Stand, journals

PLAIN = "def test_plain():\n    import os\n    assert 'UNDER' not in os.environ\n"
MEMCHECK = ("--tools", "memcheck")
ERRORS = 'echo "========= ERROR SUMMARY: 2 errors"; status=86'
BUT_RACECHECK = "if test $tool = racecheck; then {}; exit 1; fi"


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def test_every_tool_looks_at_the_marked_tests_on_every_path(stand: Stand) -> None:
    stand.sanitizer(before="export UNDER=$tool")
    stand.suite(GOOD, PLAIN)
    wheel, _ = stand.wheel(), stand.wheel(".jit80")
    status, proof = stand.run(wheel)
    assert status == 0
    assert [(each.tool, each.path) for each in proof.sanitizers] == [
        (tool, path) for tool in ("memcheck", "racecheck", "synccheck") for path in ("90", "80")
    ]
    assert [run.passed for run in proof.runs] == [2, 2]
    assert {(each.passed, each.errors, each.not_run) for each in proof.sanitizers} == {(1, 0, "")}
    assert [each.sha256 for each in proof.sanitizers[:2]] == [run.sha256 for run in proof.runs]


def test_an_error_that_a_tool_finds_is_counted_and_its_log_named(stand: Stand) -> None:
    stand.sanitizer(after=ERRORS)
    stand.suite(GOOD)
    status, proof = stand.run(wheel := stand.wheel(), *MEMCHECK)
    assert status == 1
    assert [(each.errors, each.fault, each.passed) for each in proof.sanitizers] == [(2, "", 1)]
    log = journals(wheel) / "memcheck-own.log"
    assert "ERROR SUMMARY: 2 errors" in log.read_text(encoding="utf-8")
    assert "path 90, memcheck: NOT PROVED, 1 passed, memcheck found 2 errors in" in stand.printed
    assert f"\n  its output: {log}" in stand.printed
    assert stand.said[-1] == f"{wheel.name}: NOT PROVED, failed: memcheck on path 90"


def test_a_test_that_fails_under_a_tool_keeps_the_proof_from_holding(stand: Stand) -> None:
    stand.sanitizer(before="export UNDER=$tool")
    stand.suite(GOOD + PLAIN.replace("def", "@pytest.mark.sanitized\ndef"))
    _, proof = stand.run(stand.wheel(), "--tools", "synccheck,memcheck")
    assert [(each.tool, each.failed) for each in proof.sanitizers] == [
        ("synccheck", ("test_0.py::test_plain",)), ("memcheck", ("test_0.py::test_plain",)),
    ]  # fmt: skip
    assert proof.lacks() == ("failed: synccheck on path 90, memcheck on path 90",)


def test_without_compute_sanitizer_the_report_says_what_is_missing(stand: Stand) -> None:
    (stand.folder / "programs" / "compute-sanitizer").unlink()
    stand.suite(GOOD)
    status, proof = stand.run(wheel := stand.wheel())
    assert status == 1
    assert proof.runs[0].ok
    assert {each.not_run for each in proof.sanitizers} == {
        "no compute-sanitizer on PATH, in $CUDA_HOME/bin or in /usr/local/cuda/bin; a CUDA toolkit has it"
    }
    assert proof.lacks() == ("memcheck did not run on path 90",)
    assert stand.said[-1] == f"{wheel.name}: NOT PROVED, memcheck did not run on path 90"


def test_without_tools_nothing_is_proved_and_the_end_says_so(stand: Stand) -> None:
    stand.suite(GOOD)
    status, proof = stand.run(wheel := stand.wheel(), "--tools", "none")
    assert (status, proof.sanitizers) == (1, ())
    assert stand.said[-1] == f"{wheel.name}: NOT PROVED, memcheck did not run on path 90"


def test_a_tool_that_cannot_run_there_says_why_and_takes_nothing_from_the_proof(stand: Stand) -> None:
    stand.sanitizer(before=BUT_RACECHECK.format('echo "Device not supported"'))
    stand.suite(GOOD)
    status, proof = stand.run(stand.wheel())
    assert status == 0
    racecheck = proof.sanitizers[1]
    assert racecheck.not_run == (
        "racecheck cannot run here, no test began under it: "
        "pytest ended with 1 outside of any test / Device not supported"
    )
    assert f"racecheck: not run: {racecheck.not_run}" in stand.printed


def test_a_memcheck_that_cannot_run_there_proves_nothing(stand: Stand) -> None:
    stand.sanitizer(before='echo "Device not supported"; exit 1')
    stand.suite(GOOD)
    status, proof = stand.run(stand.wheel(), *MEMCHECK)
    assert status == 1
    assert proof.sanitizers[0].fault == "pytest ended with 1 outside of any test\nDevice not supported"


def test_a_tool_that_comes_to_no_summary_proves_nothing(stand: Stand) -> None:
    stand.sanitizer(after="")
    stand.suite(GOOD)
    status, proof = stand.run(stand.wheel(), *MEMCHECK)
    assert status == 1
    assert (proof.sanitizers[0].passed, proof.sanitizers[0].fault) == (1, "compute-sanitizer came to no summary")


def test_a_crash_under_a_tool_costs_one_test_and_no_error_of_the_processes_before(stand: Stand) -> None:
    crash = "import os, pytest\n@pytest.mark.sanitized\ndef test_crash(): 'UNDER' in os.environ and os._exit(7)\n"
    stand.sanitizer(before="export UNDER=$tool", after=f"test $status = 7 && {ERRORS} || {NO_ERRORS}")
    stand.suite(crash, GOOD)
    _, proof = stand.run(stand.wheel(), *MEMCHECK)
    run = proof.sanitizers[0]
    assert (run.crashed, run.passed, run.errors) == (("test_0.py::test_crash",), 1, 2)


def test_a_suite_without_marked_tests_proves_nothing_under_any_tool(stand: Stand) -> None:
    stand.suite("def test_plain(): pass\n")
    status, proof = stand.run(stand.wheel(), "--tools", "memcheck,racecheck")
    assert status == 1
    assert {each.fault for each in proof.sanitizers} == {"no test of the suite has the marker sanitized"}


def test_a_suite_that_cannot_be_collected_is_not_taken_for_one_without_marked_tests(stand: Stand) -> None:
    stand.suite("import nothing_of_this_name\n")
    _, proof = stand.run(stand.wheel(), *MEMCHECK)
    assert proof.sanitizers[0].fault.startswith("pytest ended with 2 outside of any test\n")


def test_a_resumed_attempt_keeps_what_a_tool_has_seen_to_its_end_alone(stand: Stand) -> None:
    stand.sanitizer(before='echo "first attempt"', after=f"test $tool = memcheck && {NO_ERRORS}")
    stand.suite(GOOD)
    wheel = stand.wheel()
    stand.run(wheel, "--tools", "memcheck,synccheck")
    stand.sanitizer(before='echo "second attempt"')
    status, proof = stand.run(wheel, "--tools", "memcheck,synccheck", "--resume")
    assert status == 0
    assert [each.passed for each in proof.sanitizers] == [1, 1]
    logs = [(journals(wheel) / f"{tool}-own.log").read_text(encoding="utf-8") for tool in ("memcheck", "synccheck")]
    assert [log.splitlines()[0] for log in logs] == ["first attempt", "second attempt"]


def test_a_test_knows_its_tool_and_torch_hides_no_overrun_from_memcheck_behind_its_own_allocator(stand: Stand) -> None:
    stand.sanitizer(before="export UNDER=$tool")
    alone = (
        "os.environ.get('PYTORCH_NO_CUDA_MEMORY_CACHING') == ('1' if os.environ.get('UNDER') == 'memcheck' else None)"
        " and os.environ.get('GPU_RUNNER_TOOL') == os.environ.get('UNDER')"
    )
    stand.suite(f"import os, pytest\n@pytest.mark.sanitized\ndef test_allocator(): assert {alone}\n")
    assert stand.run(stand.wheel())[0] == 0


def test_an_unknown_tool_is_refused_with_those_there_are(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    assert stand.main(stand.wheel(), "--tools", "memcheck,racechek") == 2
    expected = "'racechek' is no tool of the runner: choose from memcheck, racecheck, synccheck, or none"
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize("place", ["PATH", "CUDA_HOME", "installer"])
def test_compute_sanitizer_is_found_where_a_toolkit_puts_it(place: str, tmp_path: Path) -> None:
    program = tmp_path / place / "bin" / "compute-sanitizer"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    environ = {"PATH": str(tmp_path / "PATH" / "bin"), "CUDA_HOME": str(tmp_path / "CUDA_HOME")}
    assert find_sanitizer(environ, tmp_path / "installer") == program
    assert find_sanitizer({}, tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ERROR SUMMARY: 0 errors", Findings(0, 0)),
        ("ERROR SUMMARY: 1 error", Findings(1, 1)),
        ("ERROR SUMMARY: 1200 errors", Findings(1200, 1200)),
        ("RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)", Findings(0, 0)),
        ("RACECHECK SUMMARY: 1 hazard displayed (1 error, 0 warnings)", Findings(1, 1)),
        ("RACECHECK SUMMARY: 3 hazards displayed (1 error, 2 warnings)", Findings(1, 3)),
        ("Target application returned an error", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_summary_is_read_as_the_tool_prints_it(line: str, expected: Findings | None) -> None:
    assert read_findings(f"========= COMPUTE-SANITIZER\n.\n========= {line}\n") == expected


def test_warnings_of_racecheck_are_no_errors(stand: Stand) -> None:
    shown = 'echo "========= RACECHECK SUMMARY: 2 hazards displayed (0 errors, 2 warnings)"; status=86'
    stand.sanitizer(after=f"test $tool = racecheck && {{ {shown}; }} || {NO_ERRORS}")
    stand.suite(GOOD)
    status, proof = stand.run(stand.wheel())
    assert status == 0
    assert proof.sanitizers[1].errors == 0
