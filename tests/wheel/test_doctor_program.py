"""`python -m warpwright` as a program: its options, its output, its exit status, and how it is told from an import."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stage import ALONE, Stage
from warpwright import _program, bill
from warpwright.doctor import child, installed, look
from warpwright.doctor.child import Output, read
from warpwright.doctor.program import UsageError, main, parse


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


def test_help_prints_the_usage_and_looks_at_nothing(stage: Stage) -> None:
    found = stage.doctor("--help")
    assert (found.status, found.err) == (0, "")
    assert found.out.startswith("usage: python -m warpwright [--json | --kernels] [--time-limit SECONDS]\n")
    assert stage.doctor("-h").out == found.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--jsn"], "there is no option '--jsn', the nearest is --json"),
        (["--kernel"], "there is no option '--kernel', the nearest is --kernels"),
        (["lamp"], "there is no option 'lamp'"),
        (["--json", "--kernels"], "--json and --kernels are two reports: ask for one of them"),
        (["--time-limit"], "--time-limit is '', expected seconds, more than 0 and at most 86400"),
        (["--time-limit=nan"], "--time-limit is 'nan', expected seconds, more than 0 and at most 86400"),
    ],
    ids=["misspelt", "cut off", "no option", "two reports", "no value", "no number"],
)
def test_wrong_usage_is_told(words: list[str], told: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(words)
    assert str(error.value) == told


def test_wrong_usage_has_a_status_of_its_own_and_prints_no_report(stage: Stage) -> None:
    found = stage.doctor("--jsn")
    assert (found.status, found.out) == (2, "")
    assert found.err == (
        "python -m warpwright: there is no option '--jsn', the nearest is --json; `python -m warpwright --help` lists "
        "the options\n"
    )


def test_an_output_that_is_no_file_gets_the_text_too(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    assert main(["--help"], []) == 0
    assert output.getvalue().startswith("usage: python -m warpwright")
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["--help"], []) == 0


def test_a_time_limit_is_taken_in_both_spellings() -> None:
    assert parse(["--time-limit", "3"]).time_limit == parse(["--time-limit=3"]).time_limit == 3
    assert parse([]).time_limit == child.TIME_LIMIT


def test_the_report_as_json_is_one_document_on_the_installed_wheel() -> None:
    done = subprocess.run([sys.executable, "-m", "warpwright", "--json"], capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert done.returncode == int(bool(found["causes"]))
    assert found["warpwright"]["loaded"] == found["warpwright"]["library"]
    assert found["warpwright"]["paths"]["rmsnorm"]
    # Some releases have their label in the module alone.
    assert found["torch"]["version"].partition("+")[0] == found["torch"]["metadata"][0]["version"].partition("+")[0]
    assert found["child"] is None


@pytest.mark.parametrize("argument", ["--json", "--kernels", "--help", "--lamp"])
def test_an_output_that_is_closed_ends_in_no_traceback(stage: Stage, argument: str) -> None:
    program = f"'{sys.executable}' -S -m warpwright {argument}"
    for words in (f"{program} | :", f"{program} >&-", f"{program} >&- 2>&-", f"{program} > /dev/full"):
        environment = {**os.environ, "PYTHONPATH": str(stage.site)}
        done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, env=environment, check=False)
        assert "Traceback" not in done.stderr, words
        assert "Exception" not in done.stderr, words


def test_an_output_that_is_full_is_told(stage: Stage) -> None:
    words = f"PYTHONPATH='{stage.site}' '{sys.executable}' -S -m warpwright --help > /dev/full"
    done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, check=False)
    assert done.stderr == "python -m warpwright: the report cannot be written: No space left on device\n"


def test_an_output_that_cannot_encode_a_path_gets_it_escaped(tmp_path: Path) -> None:
    odd = tmp_path / "ü\udcff"
    odd.mkdir()
    found = Stage(odd).doctor(PYTHONIOENCODING="ascii")
    assert found.last.startswith("CUDA operators cannot run here: warpwright needs torch")
    assert "\\xfc\\udcff/site/warpwright" in found.out


def test_a_line_break_in_a_variable_breaks_no_line(stage: Stage) -> None:
    found = stage.doctor(WARPWRIGHT_FORCE_SM="80\n90")
    assert "  forced SM   80\\n90 (WARPWRIGHT_FORCE_SM)" in found.out.splitlines()
    assert found.last.startswith("CUDA operators cannot run here: warpwright needs torch")


ODD_KERNEL = {**dict.fromkeys(bill.Kernel.__dataclass_fields__, 1), "operator": []}


def test_the_kernels_are_told_or_why_they_cannot_be_read(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert stage.doctor("--kernels").out.startswith("unit ")
    file = stage.package / "_bill.json"
    for text, wrong in (
        ("{", "is not a bill (JSONDecodeError: "),
        ('{"schema": 1, "kernels": [{}]}', "is not a bill (TypeError: "),
        ('{"schema": 7}', "is not a bill (ValueError: it has schema 7, expected 1)"),
        ("[]", "is not a bill (TypeError: "),
        (json.dumps({"schema": 1, "kernels": [ODD_KERNEL]}), "is not a bill (ValueError: it has the kernel "),
    ):
        file.write_text(text, encoding="utf-8")
        found = stage.doctor("--kernels")
        assert (found.status, found.out) == (1, "")
        assert found.err.startswith(f"warpwright: {file} {wrong}")
    assert f"  warpwright: {file} is not a bill" in stage.doctor().out
    file.unlink()
    assert stage.doctor("--kernels").out.startswith("this build has no bill")


@pytest.mark.parametrize(
    ("argv", "orig_argv", "expected"),
    [
        pytest.param(["-m"], ["py", "-m", "warpwright"], True, id="a word of its own"),
        pytest.param(["-m", "--json"], ["py", "-I", "-m", "warpwright", "--json"], True, id="options and arguments"),
        pytest.param(["-m"], ["py", "-mwarpwright"], True, id="attached"),
        pytest.param(["-m", "x"], ["py", "-Imwarpwright", "x"], True, id="in a cluster"),
        pytest.param(["-m"], ["py", "-m", "warpwright.__main__"], True, id="the module itself"),
        pytest.param(["-m", "warpwright"], ["py", "-m", "other", "warpwright"], False, id="another's argument"),
        pytest.param(["-m"], ["py", "-m", "other"], False, id="another"),
        pytest.param(["-m"], ["py", "-mother"], False, id="another, attached"),
        pytest.param(["-m"], ["py", "-m", "warpwright.bill"], False, id="a module of the package"),
        pytest.param(["-c", "-m", "warpwright"], ["py", "-c", "...", "-m", "warpwright"], False, id="a command"),
        pytest.param(["prog.py", "-m", "warpwright"], ["py", "prog.py", "-m", "warpwright"], False, id="a script"),
        pytest.param(["-m"], [], False, id="no interpreter's words"),
        pytest.param([], [], False, id="no words at all"),
        pytest.param([""], ["py"], False, id="interactive"),
    ],
)
def test_the_program_is_told_from_an_import(argv: list[str], orig_argv: list[str], expected: bool) -> None:
    assert _program.is_the_program(argv, orig_argv) is expected


def test_another_program_that_imports_the_package_gets_all_of_it_or_the_error(stage: Stage) -> None:
    other = stage.folder / "other"
    other.mkdir()
    (other / "__init__.py").write_text("import warpwright\n", encoding="utf-8")
    (other / "__main__.py").write_text("print('ran')\n", encoding="utf-8")
    done = stage.run(["-m", "other", "warpwright"])
    assert (done.status, done.out) == (1, "")
    assert "warpwright needs torch 2.10 or newer, found none" in done.err


@pytest.mark.parametrize(
    "words",
    [["-mwarpwright"], ["-Bmwarpwright"], ["-m", "warpwright.__main__"]],
    ids=["attached", "in a cluster", "by its module"],
)
def test_every_spelling_of_the_program_looks_and_gives_the_child_its_options(stage: Stage, words: list[str]) -> None:
    done = stage.run([*words, "--json"])
    assert done.causes == ["torch-missing"]


def test_the_child_gets_the_options_of_its_parent() -> None:
    started = ["py", "-X", "dev", "-Im", "warpwright", "--json"]
    assert child.command(["/x/__main__.py", "--json"], started, "/bin/py") == [
        "/bin/py", "-X", "dev", "-Im", "warpwright", "--probe",
    ]  # fmt: skip
    assert child.command(["prog.py"], ["py", "prog.py"], "/bin/py") == ["/bin/py", "-m", "warpwright", "--probe"]


@pytest.mark.parametrize(
    ("output", "step", "how"),
    [
        (Output("", "", 1), "start", "ended with status 1"),
        (Output("", "", 0), "start", "ended with status 0"),
        (Output('{"begin": "torch"}\n', "", 0), "torch", "ended with status 0"),
        (Output('{"begin": "exit"}\n', "", -11), "exit", "was ended by signal 11 (SIGSEGV)"),
        (Output('{"begin": "torch"}\n', "", -64), "torch", "was ended by signal 64 (SIGRTMAX)"),
        (Output('{"begin": "torch"}\nnoise\n[1]\n{"begin": "gpus"}\n', "", None), "gpus", "took longer than 9 seconds"),
    ],
    ids=["at the start", "without a word", "with success", "at the exit", "real-time signal", "at a step"],
)
def test_a_child_that_does_not_come_to_its_end_leaves_its_step(output: Output, step: str, how: str) -> None:
    end = read(output, 9).end
    assert end is not None
    assert (end.step, end.how) == (step, how)


def test_a_child_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/none/python")
    end = child.ask(1).end
    assert end is not None
    assert end.how == "could not be started: [Errno 2] No such file or directory: '/none/python'"


def test_a_part_that_cannot_be_looked_at_is_a_fact_and_the_others_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(child, "ask", fail)
    monkeypatch.setattr(installed, "metadata", fail)
    found = look.look([], {}, 1)
    assert found.unseen == (
        "the child process: ZeroDivisionError: on purpose",
        "the installed package: ZeroDivisionError: on purpose",
        "the installed torch: ZeroDivisionError: on purpose",
    )
    assert found.system.machine == os.uname().machine


def test_ctrl_c_ends_the_doctor_and_its_child_without_a_traceback(tmp_path: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore it
    stage, started = Stage(tmp_path), tmp_path / "child"
    stage.torch(f"import os, time\nopen({str(started)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)")
    command = [sys.executable, *ALONE, "-m", "warpwright"]
    environment = {**os.environ, "PYTHONPATH": str(stage.site)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        end = time.monotonic() + 60
        while not (started.exists() and started.read_text(encoding="utf-8")) and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"")
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text(encoding="utf-8")), 0)
