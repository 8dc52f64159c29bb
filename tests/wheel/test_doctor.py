"""What keeps the wheel from running is told in one sentence with what mends it, here and in the exception."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import warpwright
from warpwright import _extension, doctor
from warpwright.doctor import Machine

CUDA = _extension.build_record().cuda
MAJOR = int(CUDA.partition(".")[0])
GOOD = Machine(f"{CUDA}", 1000 * MAJOR, (90,), (f"/lib/libcudart.so.{MAJOR}",), _extension.build_record().version)
PATHS = {"rmsnorm": ("75", "80", "90a"), "fp8_scaled_mm": ("89",)}


def test_nothing_is_wrong_where_nothing_is_wrong() -> None:
    assert doctor.diagnose(GOOD, PATHS) is None
    assert list(doctor.notes(GOOD, _extension.build_record())) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"torch_cuda": None},
            "this torch was built without CUDA: install a CUDA build with `pip install --force-reinstall torch`",
        ),
        ({"driver": 0}, "no NVIDIA driver was found: install one, which `nvidia-smi` then shows"),
        (
            {"driver": 11080},
            f"the driver serves CUDA up to 11.8, and this wheel has the runtime of CUDA {CUDA}: update the driver, or "
            "build a wheel of an older CUDA with `nox -s build-wheel`",
        ),
        ({"gpus": ()}, "torch sees no GPU: check CUDA_VISIBLE_DEVICES and `nvidia-smi`"),
        (
            {"gpus": (70,)},
            "cuda:0 is a GPU of SM 70, and this wheel has code for SM 75, 80, 89, 90a alone: this version has no wheel "
            "for it; `nox -s matrix` lists what it builds",
        ),
    ],
    ids=["CPU torch", "no driver", "driver too old", "no GPU", "SM that no wheel has"],
)
def test_an_obstacle_is_one_sentence_with_what_mends_it(change: dict[str, object], sentence: str) -> None:
    assert doctor.diagnose(replace(GOOD, **change), PATHS) == sentence  # type: ignore[arg-type]


def test_a_thin_wheel_names_the_full_one() -> None:
    assert doctor.diagnose(replace(GOOD, gpus=(80,)), {"rmsnorm": ("90a",)}) == (
        "cuda:0 is a GPU of SM 80, and this wheel has code for SM 90a alone: install the full wheel, or build one with "
        "`nox -s build-wheel`"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"installed": "0.0.1+cu999"}, "the installed files are of two wheels, 0.0.1+cu999 by METADATA and"),
        (
            {"runtimes": ("/a/libcudart.so.11.8.89", f"/b/libcudart.so.{MAJOR}")},
            f"runtimes of CUDA 11 and CUDA {MAJOR}: remove the one that torch does not use with `pip uninstall "
            "nvidia-cuda-runtime-cu11`",
        ),
    ],
    ids=["files of two wheels", "two runtimes"],
)
def test_an_odd_installation_is_noted(change: dict[str, object], words: str) -> None:
    found = list(doctor.notes(replace(GOOD, **change), _extension.build_record()))  # type: ignore[arg-type]
    assert len(found) == 1
    assert words in found[0]


def test_a_wheel_of_another_label_than_torchs_is_noted() -> None:
    record = replace(_extension.build_record(), version="0.1.0+cu130")
    found = list(doctor.notes(replace(GOOD, torch_cuda="12.8", runtimes=(), installed="0.1.0+cu130"), record))
    assert found == [
        "this wheel is labelled cu130 and this torch is built with CUDA 12.8: it runs where the driver serves both; a "
        "wheel of torch's own CUDA needs no newer driver than torch does"
    ]
    assert (
        list(doctor.notes(replace(GOOD, torch_cuda="12.8", installed="0.1.0"), replace(record, version="0.1.0"))) == []
    )


def test_the_loaded_runtimes_are_read_from_the_memory_map(tmp_path: Path) -> None:
    (tmp_path / "maps").write_text(
        "7f00-7f01 r-xp 00000000 08:01 12 /venv/nvidia/cu13/lib/libcudart.so.13\n"
        "7f01-7f02 r--p 00001000 08:01 12 /venv/nvidia/cu13/lib/libcudart.so.13\n"
        "7f02-7f03 r-xp 00000000 08:01 13 /usr/lib/libcudart-4f2.so.12.4.99\n"
        "7f03-7f04 r-xp 00000000 08:01 14 /usr/lib/libcuda.so.1\n",
        encoding="utf-8",
    )
    found = doctor.loaded_runtimes(tmp_path / "maps")
    assert found == ("/usr/lib/libcudart-4f2.so.12.4.99", "/venv/nvidia/cu13/lib/libcudart.so.13")
    assert doctor.loaded_runtimes(tmp_path / "none") == ()


@pytest.mark.skipif(torch.version.cuda is not None, reason="this torch has CUDA")
def test_a_cuda_call_raises_the_doctors_sentence() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():  # gives tensors that say cuda where there is none
        x, weight = torch.empty(3, 16, device="cuda").half(), torch.empty(16, device="cuda").half()
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


def test_a_machine_without_torch_is_told_what_to_install(tmp_path: Path) -> None:
    # Without -S the interpreter would see the installed torch; the package alone is put on its path.
    (tmp_path / "warpwright").symlink_to(Path(warpwright.__file__).parent)
    command = [sys.executable, "-S", "-m", "warpwright"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path)}, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last == "ImportError: warpwright needs torch 2.10 or newer, found none: `pip install 'torch>=2.10'`"


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
