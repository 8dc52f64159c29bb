"""What keeps this wheel from running on this machine: facts in, one sentence with the command that mends it out.

The sentences on CUDA come from the extension, which raises the same ones when an operator is called.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

import warpwright
from warpwright import _extension, bill

RUNTIME = re.compile(r"/libcudart[\w.-]*\.so\.(\d+)[\w.]*$")


@dataclass(frozen=True)
class Machine:
    """What a diagnosis looks at.

    ``torch_cuda`` is the CUDA that torch was built with, ``driver`` the newest that the driver serves (13020 for 13.2,
    0 without one), ``gpus`` the SM of each GPU that torch sees, ``runtimes`` the CUDA runtimes that are loaded, and
    ``installed`` the version that the installed package's METADATA has.
    """

    torch_cuda: str | None
    driver: int
    gpus: tuple[int, ...]
    runtimes: tuple[str, ...]
    installed: str


def look() -> Machine:
    """Look at this machine."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return Machine(
        torch_cuda=torch.version.cuda,
        driver=torch.ops.warpwright.driver_version(),
        gpus=tuple(device_sm(index) for index in range(count)),
        runtimes=loaded_runtimes(Path("/proc/self/maps")),
        installed=importlib.metadata.version("warpwright"),
    )


def diagnose(machine: Machine, paths: dict[str, tuple[str, ...]]) -> str | None:
    """Say in one sentence why CUDA operators cannot run on a machine; None where one of its GPUs can run one."""
    held = sorted({sm for sms in paths.values() for sm in sms}, key=_number)
    runs = any(chosen_path(tuple(held), sm, None) for sm in machine.gpus)
    sm = machine.gpus[0] if machine.gpus else 0
    has_cuda = machine.torch_cuda is not None
    return torch.ops.warpwright.obstacle(has_cuda, machine.driver, 0, sm, ", ".join(held), runs) or None


def notes(machine: Machine, record: _extension.BuildRecord) -> Iterator[str]:
    """Say what is odd about an installation, one sentence each: it may run all the same."""
    if machine.installed != record.version:
        yield (
            f"the installed files are of two wheels, {machine.installed} by METADATA and {record.version} by the "
            "binary: install one anew with `pip install --force-reinstall warpwright`"
        )
    majors = sorted({int(found[1]) for path in machine.runtimes if (found := RUNTIME.search(path))})
    if len(majors) > 1:
        names = " and ".join(f"CUDA {major}" for major in majors)
        other = next(major for major in majors if str(major) != (machine.torch_cuda or "").partition(".")[0])
        yield (
            f"torch's process has loaded the runtimes of {names}: remove the one that torch does not use with "
            f"`pip uninstall nvidia-cuda-runtime-cu{other}`, or the package that brought it"
        )
    label = record.version.partition("+")[2].partition(".")[0]
    if (
        machine.torch_cuda
        and label.startswith("cu")
        and not label.startswith(f"cu{machine.torch_cuda.partition('.')[0]}")
    ):
        yield (
            f"this wheel is labelled {label} and this torch is built with CUDA {machine.torch_cuda}: it runs where the "
            f"driver serves both; a wheel of torch's own CUDA needs no newer driver than torch does"
        )


def verdict() -> str | None:
    """Say in one sentence why CUDA operators cannot run here, or None where they can."""
    return diagnose(look(), _extension.compiled_paths())


def loaded_runtimes(maps: Path) -> tuple[str, ...]:
    """Return the paths of the CUDA runtimes that this process has loaded, from its memory map."""
    try:
        lines = maps.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    return tuple(sorted({line.split(maxsplit=5)[-1] for line in lines if RUNTIME.search(line)}))


def device_sm(index: int) -> int:
    """Return a GPU's SM as two digits: 90 for compute capability 9.0."""
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


def report() -> Iterator[str]:
    """Describe the wheel, the machine, and whether the two fit."""
    machine = look()
    yield from _wheel_lines()
    yield from _machine_lines(machine)
    yield from (f"note: {note}" for note in notes(machine, _extension.build_record()))
    problem = diagnose(machine, _extension.compiled_paths())
    yield f"CUDA operators cannot run here: {problem}" if problem else "CUDA operators can run here"


def _wheel_lines() -> Iterator[str]:
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


def _machine_lines(machine: Machine) -> Iterator[str]:
    newest = f"{machine.driver // 1000}.{machine.driver % 1000 // 10}"
    forced = os.environ.get("WARPWRIGHT_FORCE_SM")
    yield "this machine"
    yield f"  torch       {torch.__version__} ({f'CUDA {machine.torch_cuda}' if machine.torch_cuda else 'no CUDA'})"
    yield f"  driver      {f'serves CUDA up to {newest}' if machine.driver else 'none found'}"
    yield f"  forced SM   {forced or 'none'} (WARPWRIGHT_FORCE_SM)"
    if not machine.gpus:
        yield "  GPUs        none"
    for index, sm in enumerate(machine.gpus):
        yield f"  cuda:{index}      {torch.cuda.get_device_name(index)}, SM {sm}"
        for operator, sms in sorted(_extension.compiled_paths().items()):
            yield f"    {operator:<24}{chosen_path(sms, sm, forced) or 'no path'}"
