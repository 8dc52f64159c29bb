"""The verdict of a process that has the extension: its sentences, the forced SM, and the path that a GPU takes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import warpwright
from warpwright import _extension, doctor
from warpwright.doctor import Machine, machine
from warpwright.doctor.sm_path import forced_problem, read_forced

CUDA = _extension.build_record().cuda
MAJOR = int(CUDA.partition(".")[0])
GOOD = Machine(torch_cuda=CUDA, driver=1000 * MAJOR, gpus=(90,))
PATHS = {"rmsnorm": ("75", "80", "90a"), "fp8_scaled_mm": ("89",)}

NO_DRIVER = (
    "no NVIDIA driver was found: CUDA operators need an NVIDIA GPU and its driver, which `nvidia-smi` then shows; on "
    "CPU tensors every operator runs its reference"
)


def test_nothing_is_wrong_where_nothing_is_wrong() -> None:
    assert doctor.diagnose(GOOD, PATHS) is None
    assert machine.name_of(GOOD, PATHS) == "none"


CASES = [
    pytest.param(
        replace(GOOD, torch_cuda=None),
        "torch-without-cuda",
        "this torch was built without CUDA: install a CUDA build with `pip install --force-reinstall torch`",
        id="CPU torch",
    ),
    pytest.param(replace(GOOD, driver=0, gpus=()), "no-driver", NO_DRIVER, id="no driver"),
    pytest.param(replace(GOOD, torch_cuda=None, driver=0), "no-driver", NO_DRIVER, id="CPU torch and no driver"),
    pytest.param(
        replace(GOOD, driver=11080),
        "driver-too-old",
        f"the driver serves CUDA up to 11.8, and this wheel has the runtime of CUDA {CUDA}: update the driver, or "
        "build a wheel of an older CUDA with `nox -s build-wheel`",
        id="driver too old",
    ),
    pytest.param(
        replace(GOOD, gpus=()), "no-gpu", "torch sees no GPU: check CUDA_VISIBLE_DEVICES and `nvidia-smi`", id="no GPU"
    ),
    pytest.param(
        replace(GOOD, gpus=(), torch_cuda="99.1"),
        "no-gpu",
        f"the driver serves CUDA up to {MAJOR}.0, and this torch is built with CUDA 99.1: update the driver, or "
        "install a torch that is built with an older CUDA",
        id="driver too old for torch",
    ),
    pytest.param(
        replace(GOOD, gpus=(), visible="-1", started="CUDA_ERROR_NO_DEVICE"),
        "no-gpu",
        "torch sees no GPU, and CUDA_VISIBLE_DEVICES is '-1', which chooses among them: unset it",
        id="hidden GPUs",
    ),
    pytest.param(
        replace(GOOD, gpus=(), started="CUDA_ERROR_SYSTEM_NOT_READY"),
        "no-gpu",
        "the driver does not start, CUDA_ERROR_SYSTEM_NOT_READY: the GPUs' fabric is not up: start the service "
        "nvidia-fabricmanager",
        id="fabric",
    ),
    pytest.param(
        replace(GOOD, gpus=(), started="CUDA_ERROR_UNKNOWN"),
        "no-gpu",
        "the driver does not start, CUDA_ERROR_UNKNOWN: `nvidia-smi` and the kernel's log say more; a restart of the "
        "machine mends most",
        id="driver's own error",
    ),
    pytest.param(
        replace(GOOD, gpus=(70,)),
        "no-code",
        "cuda:0 is a GPU of SM 70, and this wheel has code for SM 75, 80, 89, 90a alone: this version has no wheel "
        "for it; `nox -s matrix` lists what it builds",
        id="SM that no wheel has",
    ),
    pytest.param(
        replace(GOOD, forced="80"),
        "forced-path",
        "WARPWRIGHT_FORCE_SM asks for the SM 80 path, and this wheel has no such path that a GPU of SM 90 can run (it "
        "has 75, 80, 89, 90a): unset it, or build the wheel of a JIT lane, which `nox -s matrix` lists",
        id="forced path that cannot run",
    ),
    pytest.param(
        replace(GOOD, forced="sm90"),
        "forced-sm",
        "WARPWRIGHT_FORCE_SM is 'sm90', expected an SM such as 80 or 90a",
        id="forced word",
    ),
]


@pytest.mark.parametrize(("found", "name", "sentence"), CASES)
def test_an_obstacle_is_one_sentence_with_what_mends_it(found: Machine, name: str, sentence: str) -> None:
    assert doctor.diagnose(found, PATHS) == sentence
    assert machine.name_of(found, PATHS) == name


@pytest.mark.parametrize(
    "found",
    [replace(GOOD, forced="90a"), replace(GOOD, forced="90"), replace(GOOD, forced=""), replace(GOOD, gpus=(70, 80))],
    ids=["own path", "its number", "empty", "one of two GPUs"],
)
def test_a_machine_that_can_run_an_operator_has_no_obstacle(found: Machine) -> None:
    assert doctor.diagnose(found, PATHS) is None


@pytest.mark.parametrize("answer", sorted(machine.STARTS))
def test_what_a_driver_answers_is_told_with_what_mends_it(answer: str) -> None:
    found = doctor.diagnose(replace(GOOD, gpus=(), started=answer), PATHS)
    assert found == f"the driver does not start, {answer}: {machine.STARTS[answer]}"


def test_a_thin_wheel_names_the_full_one() -> None:
    assert doctor.diagnose(replace(GOOD, gpus=(80,)), {"rmsnorm": ("90a",)}) == (
        "cuda:0 is a GPU of SM 80, and this wheel has code for SM 90a alone: install the full wheel, or build one with "
        "`nox -s build-wheel`"
    )


@pytest.mark.parametrize("text", ["80", "90a", "120", "75", "50"])
def test_an_sm_is_read_as_the_operators_read_it(text: str) -> None:
    assert (forced_problem(text), read_forced(text)) == (None, int(text.rstrip("a")))
    said = torch.ops.warpwright.obstacle(True, GOOD.driver, 0, 90, "", False, text)
    assert said.startswith(f"WARPWRIGHT_FORCE_SM asks for the SM {read_forced(text)} path")


@pytest.mark.parametrize(
    "text", ["sm90", "sm_90a", "abc", "a", "90aa", "90b", " 90", "90 ", "+90", "-90", "9.0", "0x5a", "49", "9", "1000"]
)
def test_a_word_that_is_no_sm_is_refused_in_the_same_words_as_by_the_operators(text: str) -> None:
    said = torch.ops.warpwright.obstacle(True, GOOD.driver, 0, 90, "90a", True, text)
    assert said == forced_problem(text) == f"WARPWRIGHT_FORCE_SM is '{text}', expected an SM such as 80 or 90a"
    assert doctor.chosen_path(("80", "90a"), 90, text) is None


def test_the_verdict_reads_the_environment() -> None:
    found = machine.this_machine({"WARPWRIGHT_FORCE_SM": "80", "CUDA_VISIBLE_DEVICES": "1"})
    assert (found.forced, found.visible) == ("80", "1")


def test_the_loaded_runtimes_are_read_from_the_memory_map(tmp_path: Path) -> None:
    (tmp_path / "maps").write_text(
        "7f00-7f01 r-xp 00000000 08:01 12 /venv/nvidia/cu13/lib/libcudart.so.13\n"
        "7f01-7f02 r--p 00001000 08:01 12 /venv/nvidia/cu13/lib/libcudart.so.13\n"
        "7f02-7f03 r-xp 00000000 08:01 13 /usr/lib/libcudart-4f2.so.12.4.99\n"
        "7f03-7f04 r-xp 00000000 08:01 14 /usr/lib/libcuda.so.1\n",
        encoding="utf-8",
    )
    found = machine.loaded(machine.RUNTIME, tmp_path / "maps")
    assert found == ("/usr/lib/libcudart-4f2.so.12.4.99", "/venv/nvidia/cu13/lib/libcudart.so.13")
    assert machine.loaded(machine.DRIVER_FILE, tmp_path / "maps") == ("/usr/lib/libcuda.so.1",)
    assert machine.loaded(machine.RUNTIME, tmp_path / "none") == ()


@pytest.mark.skipif(torch.version.cuda is not None, reason="this torch has CUDA")
def test_a_cuda_call_raises_the_doctors_sentence() -> None:
    x, weight = torch.ones(3, 16).half(), torch.ones(16).half()
    operator, keys = torch.ops.warpwright.rmsnorm.default, torch._C.DispatchKeySet(torch._C.DispatchKey.CUDA)
    with pytest.raises(RuntimeError) as error:
        operator.redispatch(keys, torch.empty_like(x), x, weight, 1e-6)
    assert str(error.value).splitlines()[0] == doctor.verdict()


def test_the_report_ends_with_the_verdict() -> None:
    done = subprocess.run([sys.executable, "-m", "warpwright"], capture_output=True, text=True, check=False)
    problem = doctor.verdict()
    assert done.stdout.startswith(f"warpwright {warpwright.__version__}\n"), done.stderr
    expected = f"CUDA operators cannot run here: {problem}" if problem else "CUDA operators can run here"
    assert done.stdout.splitlines()[-1] == expected
    assert done.returncode == (1 if problem else 0)


@pytest.mark.parametrize(
    ("sms", "device", "forced", "chosen"),
    [
        (("75", "80", "90a"), 90, None, "90a"),
        (("75", "80", "90a"), 86, None, "80"),
        (("75", "80", "90a"), 100, None, None),
        (("80-ptx",), 90, None, "80-ptx"),
        (("80-ptx", "90a"), 90, "80", "80-ptx"),
        (("80", "90a"), 90, "80", None),
        (("90a",), 80, None, None),
    ],
)
def test_the_doctor_names_the_path_that_a_gpu_takes(
    sms: tuple[str, ...], device: int, forced: str | None, chosen: str | None
) -> None:
    assert doctor.chosen_path(sms, device, forced) == chosen
