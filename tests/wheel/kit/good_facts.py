"""Facts of a machine on which nothing is wrong: a test changes what it is about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from warpwright import _extension
from warpwright.doctor.facts import (
    Copy,
    Driver,
    Facts,
    Files,
    Gpu,
    Interpreter,
    Metadata,
    Package,
    Runtime,
    Seen,
    System,
    Torch,
)

SITE = "/venv/lib/python3.12/site-packages"
RECORD = replace(_extension.build_record(), version="0.1.0+cu130")
PATHS = {"rmsnorm": ("75", "80", "90a"), "fp8_scaled_mm": ("89",)}
RUNTIME = Runtime(f"{SITE}/nvidia/cu13/lib/libcudart.so.13", 13, "nvidia-cuda-runtime 13.0.96")

PACKAGE = Package(
    folder=f"{SITE}/warpwright",
    library=f"{SITE}/warpwright/_C.abi3.so",
    record=RECORD,
    copies=(Copy(f"{SITE}/warpwright", RECORD.version),),
    metadata=(Metadata(f"{SITE}/warpwright-0.1.0+cu130.dist-info", RECORD.version, False),),
    elsewhere=(),
    files=Files(30, (), (), ()),
    told=(),
)

SEEN = Seen(
    torch=Torch("2.11.0+cu130", f"{SITE}/torch/__init__.py", "13.0"),
    library=PACKAGE.library,
    version=RECORD.version,
    paths=PATHS,
    driver=Driver(13020, "/usr/lib/libcuda.so.1", "CUDA_SUCCESS"),
    gpus=(Gpu(0, "NVIDIA H100 80GB HBM3", 90),),
    runtimes=(RUNTIME,),
)

GOOD = Facts(
    python=Interpreter("3.12.1", "/venv/bin/python", "/venv", (SITE,)),
    system=System("Linux 6.1", "x86_64", "glibc 2.36"),
    environment={},
    package=PACKAGE,
    torches=(Metadata(f"{SITE}/torch-2.11.0+cu130.dist-info", "2.11.0+cu130", False),),
    seen=SEEN,
    shadowing=(),
    unseen=(),
)


def with_seen(**change: Any) -> Facts:
    """Return the facts with something else seen by the child process."""
    return replace(GOOD, seen=replace(SEEN, **change))


def with_package(**change: Any) -> Facts:
    """Return the facts with another installation."""
    return replace(GOOD, package=replace(PACKAGE, **change))
