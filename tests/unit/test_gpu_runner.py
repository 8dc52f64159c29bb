"""The GPU runner gets to the end of a suite whatever its tests do, and counts only what passed as proof.

The suites are small ones without a GPU; the wheel is a stand-in whose torch reports a device.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gpu_runner.__main__ import make_parser, plan_options
from gpu_runner.journal import Tail, at_work, over, read_events
from gpu_runner.machine import JOB_MEMORY, fitting, free_memory, jit_cache
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
    """Give lines that make a mark, for the clock to see, and never end."""
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


def test_paths_run_side_by_side_and_stand_in_the_report_as_planned(stand: Stand, tmp_path: Path) -> None:
    there = [tmp_path / path for path in ("own", "80")]
    wait = wait_for(there, "the other path is at the same test")
    own = f"pathlib.Path({str(tmp_path)!r}, os.environ.get('WARPWRIGHT_FORCE_SM', 'own')).touch()"
    stand.suite(f"import os, pathlib, time\ndef test_both():\n    {own}\n    {wait}\n")
    wheel, _ = stand.wheel(), stand.wheel(".jit80")
    _, proof = stand.run(wheel, *PATHS_ALONE, "--jobs", "2")
    assert [(run.path, run.ok) for run in proof.runs] == [("90", True), ("80", True)]
    assert "paths: 2, 2 at once" in stand.printed


def test_no_more_jobs_run_at_once_than_are_asked_for(stand: Stand, tmp_path: Path) -> None:
    alone = f"import pathlib\ndef test_alone():\n    here = pathlib.Path({str(tmp_path / 'here')!r})\n"
    stand.suite(f"{alone}    here.open('x').close()\n    here.unlink()\n")
    wheel, _ = stand.wheel(), stand.wheel(".jit80")
    _, proof = stand.run(wheel, *PATHS_ALONE, "--jobs", "1")
    assert all(run.ok for run in proof.runs)


@pytest.mark.parametrize(
    ("jobs", "cores", "free", "expected"),
    [(4, 16, 80, 4), (4, 16, 40, 2), (4, 2, 80, 2), (4, 16, 8, 1), (4, 16, 0, 1)],
    ids=["all", "memory of two", "cores of two", "less than one's memory", "memory unknown"],
)
def test_as_many_jobs_run_as_cores_and_memory_hold(jobs: int, cores: int, free: int, expected: int) -> None:
    assert fitting(jobs, cores, free * 2**30) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("#!/bin/sh\necho $(( 16 * 1024 ))\n", JOB_MEMORY), ("#!/bin/sh\necho '[N/A]'\n", 0), ("#!/bin/sh\nexit 9\n", 0)],
    ids=["free", "not told", "no driver"],
)
def test_the_free_memory_is_the_drivers_word(text: str, expected: int, stand: Stand) -> None:
    stand.program("nvidia-smi", text)
    assert free_memory(stand.environ) == expected


def test_a_number_of_jobs_below_one_is_refused(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        stand.main(stand.wheel(), "--jobs", "0")
    assert "'0' is no number of jobs: expected 1 or more" in capsys.readouterr().err


def test_how_far_a_long_job_has_come_is_printed(stand: Stand, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    wait = wait_for([mark.with_suffix(".leapt")], "some minutes have passed")
    stand.suite(GOOD, f"import pathlib, time\ndef test_long():\n    pathlib.Path({str(mark)!r}).touch()\n    {wait}\n")
    stand.clock = Leap(mark, 100).clock
    stand.run(wheel := stand.wheel(), *PATHS_ALONE)
    assert f"  {wheel.name} path own: 1 of 2 tests are over, at test_1.py::test_long" in stand.said


def test_what_the_driver_compiles_is_kept_in_one_folder(stand: Stand) -> None:
    folder = Path(stand.environ["XDG_CACHE_HOME"], "warpwright", "jit")
    assert jit_cache(stand.environ) == {"CUDA_CACHE_PATH": str(folder), "CUDA_CACHE_MAXSIZE": "4294967296"}
    assert folder.is_dir()
    stand.suite(f"import os\ndef test_cache(): assert os.environ['CUDA_CACHE_PATH'] == {str(folder)!r}\n")
    assert stand.run(stand.wheel(), *PATHS_ALONE)[1].runs[0].ok


def test_a_jit_cache_that_the_caller_has_set_stays() -> None:
    assert jit_cache({"CUDA_CACHE_PATH": "/cache", "CUDA_CACHE_MAXSIZE": "1"}) == {}


def start(stand: Stand, wheel: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start a runner in a process of its own."""
    home = str(Path(str(sys.modules["gpu_runner"].__file__)).parents[1])
    command = [sys.executable, "-m", "gpu_runner", str(wheel), "--suite", str(stand.folder / "suite"), *options]
    environ = {**stand.environ, "PYTHONPATH": home}
    return subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_until_at(test: str, wheel: Path, process: subprocess.Popen[bytes], stem: str = "*") -> None:
    """Wait until a runner is at a test."""
    while not any(at_work(read_events(path)) == test for path in journals(wheel).glob(f"{stem}.jsonl")):
        assert process.poll() is None
        time.sleep(0.01)


def test_a_killed_run_is_resumed_behind_what_it_has_done(stand: Stand, tmp_path: Path) -> None:
    wheel, mark, go = stand.wheel(), tmp_path / "mark", tmp_path / "go"
    once = f"import pathlib\ndef test_once():\n    with pathlib.Path({str(mark)!r}).open('x'): pass\n"
    slow = f"import pathlib, time\ndef test_slow():\n    {wait_for([go], 'the second attempt')}\n"
    stand.suite(once, slow)
    process = start(stand, wheel, *PATHS_ALONE)
    wait_until_at("test_1.py::test_slow", wheel, process)
    process.kill()
    process.wait()
    go.touch()
    _, proof = stand.run(wheel, *PATHS_ALONE, "--resume")
    assert proof.runs[0].passed == 2


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name)
@pytest.mark.parametrize("stem", ["*-own", "*-own-memcheck"], ids=["path", "sanitizer"])
def test_all_processes_end_with_the_runner(how: signal.Signals, stem: str, stand: Stand, tmp_path: Path) -> None:
    """The test holds a pipe open, and so does what it starts: the pipe is at its end where all of them are."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    body = f"import subprocess, threading\n    pipe = os.open({str(pipe)!r}, os.O_WRONLY)\n"
    body += "    subprocess.Popen(['/bin/sleep', 'infinity'], pass_fds=[pipe])\n    os.write(pipe, b'x')\n"
    skip = "" if stem == "*-own" else "    if 'NOW' not in os.environ: return\n"
    stand.sanitizer(before="export NOW=1")
    test = (
        f"import os, pytest\n@pytest.mark.sanitized\ndef test_hang():\n{skip}    {body}    threading.Event().wait()\n"
    )
    stand.suite(test)
    process = start(stand, wheel := stand.wheel(), "--tools", "memcheck")
    wait_until_at("test_0.py::test_hang", wheel, process, stem)
    os.set_blocking(reader, True)
    while os.read(reader, 1) != b"x":  # nothing, as long as no one has opened it for writing
        assert process.poll() is None
    process.send_signal(how)
    assert os.read(reader, 1) == b""
    assert process.wait() == (130 if how != signal.SIGKILL else -how)
    os.close(reader)
    assert [event["event"] for path in journals(wheel).glob(f"{stem}.jsonl") for event in read_events(path)][
        -1
    ] == "start"


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
    """Give what the runner makes of its arguments."""
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
