"""Jobs of the GPU runner: how many run at once, what they say meanwhile, what they share, and how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpu_runner.journal import at_work, read_events
from gpu_runner.machine import JOB_MEMORY, cpus, fitting, free_memory, jit_cache
from gpu_stand_in import GOOD, Leap, Stand, journals, wait_for

PATHS_ALONE = ("--tools", "none")


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


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


def test_jobs_share_the_cores_unless_the_caller_says_otherwise(stand: Stand) -> None:
    cores = str(max(1, cpus() // 2))
    stand.suite(f"import os\ndef test_share(): assert os.environ['OMP_NUM_THREADS'] == {cores!r}\n")
    wheel, _ = stand.wheel(), stand.wheel(".jit80")
    _, proof = stand.run(wheel, *PATHS_ALONE, "--jobs", "2")
    assert all(run.ok for run in proof.runs)


def test_a_path_or_tile_that_the_shell_forces_is_not_what_is_tested(stand: Stand) -> None:
    stand.suite("import os\ndef test_free(): assert not [n for n in os.environ if n.startswith('WARPWRIGHT_FORCE')]\n")
    stand.environ |= {"WARPWRIGHT_FORCE_SM": "80", "WARPWRIGHT_FORCE_TILE": "swap_ab_8x64x256"}
    _, proof = stand.run(stand.wheel(), *PATHS_ALONE)
    assert proof.runs[0].ok


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
    """Start a runner in a process of its own, as a terminal does: SIGINT reaches it."""
    home = str(Path(str(sys.modules["gpu_runner"].__file__)).parents[1])
    command = [sys.executable, "-m", "gpu_runner", str(wheel), "--suite", str(stand.folder / "suite"), *options]
    environ = {**stand.environ, "PYTHONPATH": home}
    return subprocess.Popen(
        command,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


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
