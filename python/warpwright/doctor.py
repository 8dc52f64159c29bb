"""What this wheel holds, what this machine has, and what keeps the two apart: `python -m warpwright` prints it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator

import torch

import warpwright
from warpwright import _extension, bill


def wheel_lines() -> Iterator[str]:
    """Describe the wheel, from the binary and the build's record."""
    record = _extension.build_record()
    yield f"warpwright {warpwright.__version__}"
    yield f"  lane        {record.lane} ({record.build_type})"
    yield f"  CUDA        {record.cuda} (nvcc {record.nvcc}), runtime linked in"
    yield f"  SM set      {' '.join(record.sm_set)}"
    yield f"  CUTLASS     {record.cutlass}"
    yield f"  FlashInfer  {record.flashinfer}"
    yield "  SM paths"
    for operator, sms in sorted(_extension.compiled_paths().items()):
        yield f"    {operator:<24}{' '.join(sms) or 'none'}"
    yield from (f"  {line}" for line in bill.table_lines(record.sm_set))


def machine_lines() -> Iterator[str]:
    """Describe the machine, as torch and the driver see it."""
    yield "this machine"
    yield f"  torch       {torch.__version__} ({f'CUDA {torch.version.cuda}' if torch.version.cuda else 'no CUDA'})"
    yield f"  driver      {driver_version() or 'none found'}"
    forced = os.environ.get("WARPWRIGHT_FORCE_SM")
    yield f"  forced SM   {forced or 'none'} (WARPWRIGHT_FORCE_SM)"
    if not torch.cuda.is_available():
        yield "  GPUs        none"
        return
    for index in range(torch.cuda.device_count()):
        sm = device_sm(index)
        yield f"  cuda:{index}      {torch.cuda.get_device_name(index)}, SM {sm}"
        for operator, sms in sorted(_extension.compiled_paths().items()):
            yield f"    {operator:<24}{chosen_path(sms, sm, forced) or 'no path'}"


def verdict() -> str | None:
    """Say in one sentence why CUDA operators cannot run here, or None where they can."""
    if torch.version.cuda is None:
        return "this torch was built without CUDA: install a CUDA build of torch"
    if driver_version() is None:
        return "no NVIDIA driver was found: install one, or run on a machine with a GPU"
    if not torch.cuda.is_available():
        return "torch sees no GPU: check CUDA_VISIBLE_DEVICES and `nvidia-smi`"
    sms = [device_sm(index) for index in range(torch.cuda.device_count())]
    holds = _extension.build_record().sm_set
    if not any(chosen_path(holds, sm, None) for sm in sms):
        return f"this wheel holds code for SM {' '.join(holds)} and this machine has SM {sms}: install a wheel for it"
    return None


def device_sm(index: int) -> int:
    """Give a GPU's SM as two digits: 90 for compute capability 9.0."""
    major, minor = torch.cuda.get_device_capability(index)
    return 10 * int(major) + int(minor)


def chosen_path(sms: tuple[str, ...], device: int, forced: str | None) -> str | None:
    """Name the path that a GPU takes: the rules of include/warpwright/sm_path.h."""
    runnable = [sm for sm in sms if _runs_on(sm, device)]
    if forced:
        runnable = [sm for sm in runnable if _number(sm) == int(forced.rstrip("a"))]
    return max(runnable, key=_number, default=None)


def _number(sm: str) -> int:
    return int("".join(digit for digit in sm if digit.isdigit()))


def _runs_on(sm: str, device: int) -> bool:
    number = _number(sm)
    if sm.endswith("-ptx"):
        return number <= device
    if sm[-1].isalpha():
        return number == device
    return number // 10 == device // 10 and number <= device


def driver_version() -> str | None:
    """Ask the driver for the newest CUDA that it serves; None where there is no driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    version = ctypes.c_int(0)
    if driver.cuDriverGetVersion(ctypes.byref(version)) != 0:
        return None
    return f"serves CUDA up to {version.value // 1000}.{version.value % 1000 // 10}"
