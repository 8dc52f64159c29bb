"""What keeps the package from being imported is staged for real: one sentence, in the ImportError and in the report."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from stage import TORCH, Stage
from warpwright.doctor.machine import loaded

REINSTALL = "install the wheel anew with `pip install --force-reinstall --no-deps warpwright`"
NEEDED = "warpwright needs torch 2.10 or newer"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_missing_torch_is_told_with_the_command_and_all_that_is_known_is_reported(stage: Stage) -> None:
    assert stage.told("torch-missing") == f"{NEEDED}, found none: `pip install 'torch>=2.10'`"
    report = stage.doctor().out.splitlines()
    assert report[0] == f"warpwright {stage.version}"
    assert f"  files       {stage.package}" in report
    assert f"  metadata    {stage.version}, {stage.metadata}" in report
    assert "  torch       not imported" in report
    assert "  driver      none found" in report or any(line.startswith("  driver      serves") for line in report)


def test_a_folder_that_is_named_torch_is_named_with_its_path(stage: Stage) -> None:
    (stage.site / "torch").mkdir()
    assert stage.told("torch-stray") == (
        f"warpwright: {stage.site / 'torch'} was imported as torch, and it is not PyTorch: rename or remove it, or "
        "start Python in another folder; where torch is not installed, `pip install 'torch>=2.10'`"
    )


def test_a_file_that_is_named_torch_is_named_with_its_path(stage: Stage) -> None:
    stage.torch("lamp = 'on'")
    assert stage.told("torch-stray").startswith(f"warpwright: {stage.site / 'torch.py'} was imported as torch")


@pytest.mark.parametrize("version", ["2.9.1", "2.9.0a0+git1234", "1.13"])
def test_a_torch_that_is_too_old_is_told_with_the_command(stage: Stage, version: str) -> None:
    stage.torch(version=version)
    assert stage.told("torch-too-old") == f"{NEEDED}, found {version}: update it with `pip install 'torch>=2.10'`"
    assert f"  torch       {version} (no CUDA), {stage.site / 'torch.py'}" in stage.doctor().out.splitlines()


@pytest.mark.parametrize("version", ["2.10a0+git", "2.11.0a0+gitabc", "2.10.0.dev2026", "2.13.0+cpu", "10.0"])
def test_a_torch_of_any_spelling_that_is_new_enough_comes_to_the_extension(stage: Stage, version: str) -> None:
    stage.torch(version=version)
    assert f"cannot load {stage.library}" in stage.refusal()


@pytest.mark.parametrize("version", ["", "git", "two.ten"])
def test_a_version_that_is_none_is_quoted(stage: Stage, version: str) -> None:
    stage.torch(version=version)
    assert stage.told("torch-version") == (
        f"{NEEDED}, and the installed one says that its version is {version!r}: reinstall it with `pip install "
        "--force-reinstall torch`"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raise OSError('libcudart.so.13: cannot open shared object file')",
         "OSError: libcudart.so.13: cannot open shared object file"),
        ("raise ImportError('''libtorch_cpu.so:\\n undefined symbol''')",
         "ImportError: libtorch_cpu.so: undefined symbol"),
        ("def (", "SyntaxError: invalid syntax (torch.py, line 1)"),
        ("raise RuntimeError", "RuntimeError"),
    ],
    ids=["missing library", "two lines", "syntax", "no words"],
)  # fmt: skip
def test_a_torch_that_cannot_be_imported_is_told_in_its_own_words(stage: Stage, text: str, words: str) -> None:
    stage.torch(text)
    assert stage.told("torch-broken") == (
        f"warpwright: torch cannot be imported: {words}: reinstall it with `pip install --force-reinstall torch`"
    )


def test_a_torch_that_lacks_a_module_names_it(stage: Stage) -> None:
    stage.torch("import typing_extensions_of_old")
    assert "because it lacks the module typing_extensions_of_old: reinstall" in stage.told("torch-broken")


def test_a_module_that_is_missing_is_told_and_named(stage: Stage) -> None:
    """An import of the whole package finds it, with the torch that is installed."""
    (stage.package / "gradient.py").unlink()
    found = stage.doctor("--json", options=())
    assert found.status == 1
    assert found.document["causes"][0]["id"] == "package-fails"
    assert found.document["verdict"].endswith(
        f"warpwright cannot be imported: ImportError: cannot import name 'gradient' from 'warpwright' "
        f"({stage.package / '__init__.py'}): {REINSTALL}"
    )
    assert found.document["warpwright"]["files"]["missing"] == ["warpwright/gradient.py"]


@pytest.mark.parametrize(
    ("number", "name", "step", "what"),
    [(7, "SIGBUS", "torch", "import of torch"), (11, "SIGSEGV", "package", "import of warpwright")],
    ids=["in torch", "in the extension"],
)
def test_an_import_that_ends_the_process_is_told_with_its_signal(
    stage: Stage, number: int, name: str, step: str, what: str
) -> None:
    kill = f"__import__('os').kill(__import__('os').getpid(), {number})"
    stage.torch(kill if step == "torch" else TORCH.format(version="2.13.0").replace("ctypes.CDLL(path)", kill))
    found = stage.doctor("--json")
    assert (found.status, found.causes) == (1, [f"{step}-ends"])
    assert f"the {what} was ended by signal {number} ({name})" in stage.doctor().last


def test_an_import_that_hangs_is_told_with_the_time_and_its_last_words(stage: Stage) -> None:
    stage.torch("import sys, time\nprint('waiting for a lock', file=sys.stderr, flush=True)\ntime.sleep(60)")
    found = stage.doctor("--time-limit", "0.5")
    assert found.status == 1
    assert found.last == (
        "CUDA operators cannot run here: the import of torch took longer than 0.5 seconds (waiting for a lock): "
        "reinstall it with `pip install --force-reinstall torch`"
    )
    assert "last words of the child process\n  waiting for a lock\n" in found.out


@pytest.mark.parametrize("end", ["os._exit(3)", "os._exit(0)", "sys.exit(3)", "sys.exit(0)"])
def test_an_import_that_ends_the_process_with_a_status_is_told(stage: Stage, end: str) -> None:
    stage.torch(f"import os, sys; {end}")
    assert f"the import of torch ended with status {end[-2]}: reinstall" in stage.doctor().last


def test_an_exit_that_is_ended_by_a_signal_is_told_after_what_blocks(stage: Stage) -> None:
    stage.torch("import atexit, os\natexit.register(os.kill, os.getpid(), 11)\nraise OSError('no')")
    found = stage.doctor("--json")
    assert found.causes == ["torch-broken", "exit-ends"]
    assert found.document["causes"][1] == {
        "id": "exit-ends",
        "sentence": "a process that has imported torch and warpwright was ended by signal 11 (SIGSEGV) at its exit: "
        "report it with this whole report",
        "blocks": False,
    }


def test_a_process_that_an_import_leaves_behind_is_not_taken_for_the_import(stage: Stage) -> None:
    stage.torch("import subprocess\nsubprocess.Popen(['sleep', '3'], start_new_session=True)\nraise OSError('no')")
    assert stage.doctor("--json", "--time-limit=1.5").causes == ["torch-broken"]


def test_what_an_import_prints_disturbs_nothing(stage: Stage) -> None:
    stage.torch("print('{\"begin\": \"lamp\"}', flush=True)\nimport os\nos.write(1, b'{]\\n')\nraise OSError('no')")
    assert stage.doctor("--json").causes == ["torch-broken"]


@pytest.mark.parametrize(
    ("text", "causes"),
    [
        ("", ["torch-missing"]),
        ("80", ["torch-missing"]),
        ("90a", ["torch-missing"]),
        ("sm90", ["torch-missing", "forced-sm"]),
        ("sm_90a", ["torch-missing", "forced-sm"]),
        ("abc", ["torch-missing", "forced-sm"]),
    ],
)
def test_a_forced_sm_that_is_none_is_told_beside_what_else_is_wrong(stage: Stage, text: str, causes: list[str]) -> None:
    found = stage.doctor("--json", WARPWRIGHT_FORCE_SM=text)
    assert (found.causes, found.document["forced_sm"]) == (causes, text or None)


def test_a_second_runtime_is_told_with_its_path_and_owner_and_not_with_a_placeholders_name(stage: Stage) -> None:
    """Any library will do: the process's memory map has its name."""
    any_library = next(path for path in loaded(re.compile(r"/libm[.-].*so"), Path("/proc/self/maps")))
    owned, other = stage.site / "nvidia" / "libcudart.so.13", stage.folder / "cuda" / "libcudart.so.12"
    for file in (owned, other):
        file.parent.mkdir()
        shutil.copy(any_library, file)
    for name, record in (
        ("nvidia_cuda_runtime_cu13-13.0.dist-info", ""),
        ("nvidia_cuda_runtime_cu12-0.0.1.dist-info", ""),
        ("nvidia_cuda_runtime-13.0.96.dist-info", "nvidia/libcudart.so.13,,\n"),
    ):
        (stage.site / name).mkdir()
        (stage.site / name / "RECORD").write_text(record, encoding="utf-8")
    load = "".join(f"ctypes.CDLL({str(file)!r})\n" for file in (owned, other))
    stage.torch(TORCH.format(version="2.13.0") + load + "version = SimpleNamespace(cuda='13.0')\n")
    (note,) = stage.doctor("--json", LD_LIBRARY_PATH=str(other.parent)).document["notes"][:1]
    assert note["sentence"] == (
        f"torch's process has loaded 2 CUDA runtimes, CUDA 12 from {other} (found through {other.parent} in "
        f"LD_LIBRARY_PATH) and CUDA 13 from {owned} (of nvidia-cuda-runtime 13.0.96): take {other.parent} out of "
        "LD_LIBRARY_PATH"
    )
