"""The GPU runner gets to the end of a suite whatever its tests do, and counts only what passed as proof.

The suites are small ones without a GPU; the wheel is a stand-in whose torch reports a device.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpu_runner.__main__ import main
from gpu_runner.errors import RunnerError
from gpu_runner.jobs import plan_jobs
from gpu_runner.journal import at_work, over, read_events
from wheel_maker import WheelMaker
from wheelworks import files
from wheelworks.build import BuildProof
from wheelworks.errors import ProofError
from wheelworks.gpu_tests import GpuProof
from wheelworks.proof import read_proof, write_proof

TORCH = """
class cuda:
    is_available = staticmethod(lambda: True)
    get_device_name = staticmethod(lambda: "a GPU")
class version:
    cuda = "13.0"
__version__ = "2.11.0"
"""
DOCTOR = "def device_sm(index): return 90\ndef verdict(): return 'no code for this GPU'\n"
GOOD = "def test_good(): pass\n"
CRASH = "import os\ndef test_crash(): os._exit(7)\n"
HANG = "import time\ndef test_hang(): time.sleep(600)\n"
FAIL = "def test_fail(): assert False\n"
SKIP = "import pytest\n@pytest.mark.skip(reason='no path')\ndef test_skip(): pass\n"
TEARDOWN = "import pytest\n@pytest.fixture\ndef f():\n    yield\n    assert False\ndef test_teardown(f): pass\n"


@pytest.fixture
def make_wheel(tmp_path: Path) -> Callable[..., Path]:
    def make(label: str = "", commit: str = "a" * 40) -> Path:
        stand_in = {"warpwright/__init__.py": b"__version__ = '0.1.0'\n", "warpwright/doctor.py": DOCTOR.encode()}
        maker = WheelMaker(version=f"0.1.0+cu130{label}", files={**stand_in, "torch.py": TORCH.encode()})
        maker.tag = "py3-none-any"
        wheel = maker.make(tmp_path / "dist")
        proof = BuildProof(
            wheel=wheel.name, sha256=files.sha256_of(wheel), lane="lane", commit=commit, seconds=1.0, cache=None
        )
        write_proof(wheel, proof)
        return wheel

    return make


def run(wheel: Path, tmp_path: Path, *tests: str, options: tuple[str, ...] = ()) -> tuple[int, GpuProof]:
    suite = tmp_path / "suite"
    suite.mkdir(exist_ok=True)
    for number, text in enumerate(tests):
        (suite / f"test_{number}.py").write_text(text, encoding="utf-8")
    status = main([str(wheel), "--suite", str(suite), "--limit", "5", *options])
    return status, read_proof(wheel, GpuProof)


def test_a_suite_that_passes_proves_its_wheel(make_wheel: Callable[..., Path], tmp_path: Path) -> None:
    status, proof = run(make_wheel(), tmp_path, GOOD)
    assert status == 0
    assert proof.holds
    assert (proof.machine.device, proof.machine.sm, proof.machine.torch) == ("a GPU", "90", "2.11.0")
    assert [(each.path, each.passed, each.forced) for each in proof.runs] == [("90", 1, False)]


@pytest.mark.parametrize(
    ("bad", "word", "name"),
    [
        (CRASH, "crashed", "test_0.py::test_crash"),
        (HANG, "hung", "test_0.py::test_hang"),
        (FAIL, "failed", "test_0.py::test_fail"),
        (TEARDOWN, "failed", "test_0.py::test_teardown"),
    ],
    ids=["crash", "hang", "failure", "failing teardown"],
)
def test_a_bad_test_is_named_and_the_rest_still_runs(
    bad: str, word: str, name: str, make_wheel: Callable[..., Path], tmp_path: Path
) -> None:
    status, proof = run(make_wheel(), tmp_path, bad, GOOD)
    assert status == 1
    assert not proof.holds
    assert getattr(proof.runs[0], word) == (name,)
    assert proof.runs[0].passed == 1


def test_a_suite_that_skips_everything_proves_nothing(
    make_wheel: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, proof = run(make_wheel(), tmp_path, SKIP)
    assert status == 1
    assert proof.runs[0].skipped == {"Skipped: no path": 1}
    assert "NOT PROVED" in (out := capsys.readouterr().out)
    assert "no code for this GPU" in out


def test_a_suite_that_cannot_be_collected_is_a_fault(make_wheel: Callable[..., Path], tmp_path: Path) -> None:
    status, proof = run(make_wheel(), tmp_path, "import nothing_of_this_name\n")
    assert status == 1
    assert proof.runs[0].fault == "pytest ended with 2 outside of any test"


def test_the_wheels_of_jit_lanes_run_on_their_paths(make_wheel: Callable[..., Path], tmp_path: Path) -> None:
    wheel, _ = make_wheel(), make_wheel(".jit80")
    forced = "import os\ndef test_path(): assert os.environ.get('WARPWRIGHT_FORCE_SM') in (None, '80')\n"
    status, proof = run(wheel, tmp_path, forced)
    assert status == 0
    assert [(each.path, each.forced) for each in proof.runs] == [("90", False), ("80", True)]
    assert proof.untested(["80", "86", "90a"]) == ()
    assert proof.untested(["75", "89"]) == ("75",)


def test_a_jit_wheel_of_another_commit_is_refused(make_wheel: Callable[..., Path], tmp_path: Path) -> None:
    wheel, _ = make_wheel(), make_wheel(".jit80", commit="b" * 40)
    with pytest.raises(RunnerError, match="build both from one commit"):
        plan_jobs(wheel, None)
    assert main([str(wheel), "--suite", str(tmp_path)]) == 2


def test_a_killed_run_is_resumed_behind_what_it_has_done(make_wheel: Callable[..., Path], tmp_path: Path) -> None:
    wheel, mark = make_wheel(), tmp_path / "mark"
    once = f"import pathlib\ndef test_once():\n    with pathlib.Path({str(mark)!r}).open('x'): pass\n"
    go = tmp_path / "go"
    slow = f"import pathlib, time\ndef test_slow():\n    pathlib.Path({str(go)!r}).exists() or time.sleep(600)\n"
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "test_0.py").write_text(once, encoding="utf-8")
    (suite / "test_1.py").write_text(slow, encoding="utf-8")
    home = str(Path(str(sys.modules["gpu_runner"].__file__)).parents[1])
    command = [sys.executable, "-m", "gpu_runner", str(wheel), "--suite", str(suite)]
    process = subprocess.Popen(command, env={"PYTHONPATH": home, "PATH": "/usr/bin:/bin"}, stdout=subprocess.DEVNULL)
    journals = wheel.parent / "proofs" / wheel.stem / "gpu-journals"
    while not any(at_work(read_events(path)) == "test_1.py::test_slow" for path in journals.glob("*.jsonl")):
        assert process.poll() is None
    process.kill()
    process.wait()
    go.touch()
    status, proof = run(wheel, tmp_path, options=("--resume",))
    assert status == 0
    assert proof.runs[0].passed == 2


def test_a_proof_that_begins_with_another_wheel_is_refused(make_wheel: Callable[..., Path], tmp_path: Path) -> None:
    wheel = make_wheel()
    run(wheel, tmp_path, GOOD)
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
