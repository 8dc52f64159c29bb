"""The machine as the process sees it that has torch and the extension loaded: what keeps CUDA operators from running.

The sentences come from the extension, which raises the same ones when an operator is called. What no call can come to,
because torch would have given it no tensor on a GPU, is told more closely here.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from warpwright.doctor.sm_path import FORCED, chosen_path, forced_problem, number

DRIVER = "libcuda.so.1"
VISIBLE = "CUDA_VISIBLE_DEVICES"
RUNTIME = re.compile(r"/libcudart[\w.-]*\.so\.(\d+)[\w.]*$")
DRIVER_FILE = re.compile(r"/libcuda\.so[\w.]*$")
STARTED = "CUDA_SUCCESS"

STARTS = {
    "CUDA_ERROR_NO_DEVICE": "no GPU reaches this machine or container, as `nvidia-smi` shows: give it one, for "
    "example with `docker run --gpus all`",
    "CUDA_ERROR_STUB_LIBRARY": "a toolkit's stub was taken for the driver: take its folder out of LD_LIBRARY_PATH",
    "CUDA_ERROR_SYSTEM_NOT_READY": "the GPUs' fabric is not up: start the service nvidia-fabricmanager",
    "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH": "the kernel module and libcuda.so.1 are of different versions: restart the "
    "machine, or the container with the host's library",
    "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE": "a CUDA compatibility package is loaded on a GPU that it does not "
    "serve: take its folder out of LD_LIBRARY_PATH",
}
OTHERWISE = "`nvidia-smi` and the kernel's log say more; a restart of the machine mends most"


@dataclass(frozen=True)
class Machine:
    """What a diagnosis looks at.

    ``torch_cuda`` is the CUDA that torch was built with, ``driver`` the newest that the driver serves (13020 for 13.2,
    0 without one), ``started`` what the driver answers when it is started, and ``gpus`` the SM of each GPU that torch
    sees; ``forced`` is WARPWRIGHT_FORCE_SM and ``visible`` CUDA_VISIBLE_DEVICES, as they are set.
    """

    torch_cuda: str | None
    driver: int
    gpus: tuple[int, ...]
    started: str = STARTED
    forced: str | None = None
    visible: str | None = None


def this_machine(environment: Mapping[str, str] = os.environ) -> Machine:
    """Look at this machine."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return Machine(
        torch_cuda=torch.version.cuda,
        driver=torch.ops.warpwright.driver_version(),
        gpus=tuple(device_sm(index) for index in range(count)),
        started=driver_answer() or STARTED,
        forced=environment.get(FORCED),
        visible=environment.get(VISIBLE),
    )


def verdict() -> str | None:
    """Say in one sentence why CUDA operators cannot run here, or None where they can."""
    from warpwright import _extension

    return diagnose(this_machine(), _extension.compiled_paths())


def diagnose(machine: Machine, paths: Mapping[str, tuple[str, ...]]) -> str | None:
    """Say in one sentence why CUDA operators cannot run on a machine; None where one of its GPUs can run one."""
    return (unseen(machine) if name_of(machine, paths) == "no-gpu" else None) or obstacle(machine, paths)


def obstacle(machine: Machine, paths: Mapping[str, tuple[str, ...]]) -> str | None:
    """Return the extension's sentence."""
    import torch

    held = ", ".join(sorted({sm for sms in paths.values() for sm in sms}, key=number))
    sm = machine.gpus[0] if machine.gpus else 0
    forced = (machine.forced or "").encode("utf-8", "backslashreplace").decode("utf-8")
    has_cuda, runs = machine.torch_cuda is not None, any_runs(machine, paths)
    said: str = torch.ops.warpwright.obstacle(has_cuda, machine.driver, 0, sm, held, runs, forced)
    return said or None


def any_runs(machine: Machine, paths: Mapping[str, tuple[str, ...]]) -> bool:
    """Return whether one of the GPUs has a path of one of the operators."""
    return any(chosen_path(sms, sm, machine.forced) for sm in machine.gpus for sms in paths.values())


def name_of(machine: Machine, paths: Mapping[str, tuple[str, ...]]) -> str:
    """Name the cause that ``obstacle`` tells, in its order; what is left is a driver older than the wheel's runtime."""
    said = obstacle(machine, paths)
    if said is None:
        return "none"
    steps = (
        ("no-driver", machine.driver == 0),
        ("torch-without-cuda", machine.torch_cuda is None),
        ("driver-too-old", said.startswith("the driver serves")),
        ("no-gpu", not machine.gpus),
        ("forced-sm", forced_problem(machine.forced) is not None),
        ("forced-path", bool(machine.forced)),
    )
    return next((name for name, holds in steps if holds), "no-code")


def unseen(machine: Machine) -> str | None:
    """Say why torch sees no GPU where there is a driver; None where nothing tells."""
    if machine.torch_cuda and _major(machine.torch_cuda) > machine.driver // 1000:
        return (
            f"the driver serves CUDA up to {cuda_words(machine.driver)}, and this torch is built with CUDA "
            f"{machine.torch_cuda}: update the driver, or install a torch that is built with an older CUDA"
        )
    if machine.visible is not None and machine.started in (STARTED, "CUDA_ERROR_NO_DEVICE"):
        return f"torch sees no GPU, and {VISIBLE} is '{machine.visible}', which chooses among them: unset it"
    if machine.started != STARTED:
        return f"the driver does not start, {machine.started}: {STARTS.get(machine.started, OTHERWISE)}"
    return None


def _major(version: str) -> int:
    digits = version.partition(".")[0]
    return int(digits) if digits.isdigit() else 0


def cuda_words(version: int) -> str:
    """Return a CUDA version as it is written: 13.2 for 13020."""
    return f"{version // 1000}.{version % 1000 // 10}"


def device_sm(index: int) -> int:
    """Return a GPU's SM as two digits: 90 for compute capability 9.0."""
    import torch

    major, minor = torch.cuda.get_device_capability(index)
    return 10 * int(major) + int(minor)


def driver_answer() -> str | None:
    """Start the driver and return the name of what it answers; None where there is no driver."""
    try:
        library = ctypes.CDLL(DRIVER)
        status, name = library.cuInit(0), ctypes.c_char_p()
        library.cuGetErrorName(status, ctypes.byref(name))
    except (OSError, AttributeError):  # no such library, or one that is no driver
        return None
    return (name.value or str(status).encode()).decode()


def loaded(pattern: re.Pattern[str], maps: Path) -> tuple[str, ...]:
    """Return the paths of the libraries that a process has loaded, from its memory map."""
    try:
        lines = maps.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ()
    return tuple(sorted({line.split(maxsplit=5)[-1] for line in lines if pattern.search(line)}))
