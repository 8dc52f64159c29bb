"""The toolchain stage: everything that a lane compiles with, in one content-addressed folder of the store."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wheelworks import files, uv_client
from wheelworks.errors import ToolchainError
from wheelworks.lanes import Lane, machine_architecture
from wheelworks.matrix import Matrix
from wheelworks.process import Completed, Runner
from wheelworks.store import Store

LAYOUT = 3
"""Raised whenever the folder's layout changes, so that an older folder is not taken for a new one."""

TORCH_HEADERS = ("torch/csrc/stable", "torch/csrc/inductor/aoti_torch", "torch/headeronly")
"""The headers of the libtorch stable ABI. Nothing else of torch is kept: what is not there cannot be included."""

CUDA_TARGETS = {"aarch64": "sbsa-linux", "x86_64": "x86_64-linux"}
"""NVIDIA's names of the architectures."""

PREPARATION = ("prepare-cuda.sh", "cudafe++")
"""The script that every toolkit goes through, and the file that it puts there."""

IMAGE_CUDA = Path("/usr/local/cuda")
"""Where every build container has the toolkit that it brings."""

TORCH_LIBRARIES = ("libtorch.so", "libtorch_cpu.so")


@dataclass(frozen=True)
class ToolchainPlan:
    """What a toolchain is made of. Two lanes with the same parts share one folder.

    ``machine`` is the architecture that compiles; where the lane's is another one, it compiles across. ``preparation``
    is the script that makes an embedded toolkit's output independent of the folder of the sources, as it does in the
    build containers.
    """

    lock: Path
    lock_text: str
    torch: str
    torch_headers_sha256: str
    architecture: str
    machine: str = "x86_64"
    embedded: bool = True
    preparation: Path | None = None
    preparation_text: str = ""

    @property
    def digest(self) -> str:
        """The address of the folder: it changes with every part."""
        parts = [LAYOUT, self.lock_text, self.torch, self.torch_headers_sha256, self.architecture]
        parts += [self.preparation_text, self.machine]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Toolchain:
    """A complete toolchain folder; where it is not embedded, the CUDA toolkit is in the build container."""

    root: Path
    digest: str
    embedded: bool = True

    @property
    def cuda(self) -> Path:
        """The CUDA toolkit: bin/nvcc, include/, lib64/."""
        return self.root / "cuda" if self.embedded else IMAGE_CUDA

    @property
    def torch(self) -> Path:
        """The torch folder: the stable ABI's include/ and lib/."""
        return self.root / "torch"

    @property
    def tools(self) -> Path:
        """The folder of cmake and ninja."""
        return self.root / "tools"

    @property
    def cuobjdump(self) -> Path:
        """The reader of device code in a binary."""
        return self.root / "cuda" / "bin" / "cuobjdump"


def plan_toolchain(matrix: Matrix, lane: Lane, project: Path, machine: str | None = None) -> ToolchainPlan:
    """Read what the lane's toolchain is made of, for this machine, and check that its lock is of this matrix."""
    lock = project / lane.toolkit.lock
    try:
        text = lock.read_text(encoding="utf-8")
    except OSError as error:
        raise ToolchainError(f"cannot read {lock}", why=str(error), fix="run `nox -s lock`") from error
    wanted = set(lane.toolkit.packages) | set(matrix.tools.packages)
    locked = {line.split(" ")[0] for line in text.splitlines() if line[:1].isalnum()}
    if wanted != locked:
        raise ToolchainError(
            f"{lane.toolkit.lock} is not the lock of toolkit {lane.toolkit_name}",
            why=f"it lacks {sorted(wanted - locked)} and has {sorted(locked - wanted)} beyond the matrix",
            fix="run `nox -s lock` and commit the result",
        )
    embedded = lane.toolkit.kind == "embedded"
    scripts = [project / "docker" / name for name in PREPARATION] if embedded else []
    return ToolchainPlan(
        lock=lock,
        lock_text=text,
        torch=f"torch=={matrix.torch.headers}",
        torch_headers_sha256=matrix.torch.headers_sha256,
        architecture=lane.architecture,
        machine=machine or machine_architecture(),
        embedded=embedded,
        preparation=scripts[0] if scripts else None,
        preparation_text="".join(script.read_text(encoding="utf-8") for script in scripts),
    )


def ensure_toolchain(
    plan: ToolchainPlan, *, store: Store, run: Runner, on_line: Callable[[str], None] | None = None
) -> Toolchain:
    """Return the toolchain of a plan; make it first where the store does not have it as it was made."""

    def fill(folder: Path) -> None:
        _fill(plan, Toolchain(folder, plan.digest, plan.embedded), run, on_line)

    root = store.ensure(f"toolchains/{plan.digest}", fill)
    return Toolchain(root, plan.digest, plan.embedded)


def _fill(plan: ToolchainPlan, toolchain: Toolchain, run: Runner, on_line: Callable[[str], None] | None) -> None:
    packages = toolchain.root / "packages"
    done = uv_client.install_locked(plan.lock, packages, architecture=plan.machine, run=run, on_line=on_line)
    _check(done, f"the packages of {plan.lock.name}")
    _lay_out_cuda(packages, toolchain)
    if plan.embedded and plan.machine != plan.architecture:
        _lay_out_target(plan, toolchain, run, on_line)
    if plan.preparation is not None:
        _check(run(["sh", plan.preparation, toolchain.cuda]), "the toolkit's preparation")
    _lay_out_tools(packages, toolchain)
    _lay_out_torch(plan, toolchain, run, on_line)
    _require_whole(toolchain)


def _require_whole(toolchain: Toolchain) -> None:
    """Refuse packages that lack what a build starts with; what a build container brings is looked at there."""
    compiler = ("bin/nvcc", "bin/ptxas", "include/cuda_runtime.h", "lib64/libcudart_static.a")
    needed = [*(toolchain.cuda / name for name in compiler if toolchain.embedded), toolchain.cuobjdump]
    needed += [toolchain.tools / name for name in ("cmake", "ninja")]
    if missing := [str(path.relative_to(toolchain.root)) for path in needed if not path.exists()]:
        raise ToolchainError(
            "the toolkit's packages do not make a whole toolchain",
            why=f"missing: {', '.join(missing)}",
            fix="name the packages that have them in matrix.toml, then run `nox -s lock`",
        )


def _lay_out_cuda(packages: Path, toolchain: Toolchain) -> None:
    """Add the names that nvcc and CMake look for: lib64, and the runtime's name without a version."""
    program = "nvcc" if toolchain.embedded else "cuobjdump"
    found = sorted((packages / "nvidia").glob(f"cu[0-9]*/bin/{program}"))
    if len(found) != 1:
        raise ToolchainError(
            "the toolkit's packages do not make one CUDA toolkit",
            why=f"expected one nvidia/cu*/bin/{program}, found {[str(path.relative_to(packages)) for path in found]}",
            fix="pin packages of one CUDA major version in matrix.toml",
        )
    cuda = toolchain.root / "cuda"
    found[0].parent.parent.rename(cuda)
    files.link(cuda / "lib64", Path("lib"))
    _link_runtime(cuda / "lib")


def _lay_out_target(
    plan: ToolchainPlan, toolchain: Toolchain, run: Runner, on_line: Callable[[str], None] | None
) -> None:
    """Add the runtime of another architecture where nvcc looks for it; the headers are the same for all."""
    folder, lock = toolchain.root / "target", toolchain.root / "target.txt"
    lock.write_text(uv_client.subset_of_lock(plan.lock_text, "nvidia-cuda-runtime"), encoding="utf-8")
    done = uv_client.install_locked(lock, folder, architecture=plan.architecture, run=run, on_line=on_line)
    _check(done, f"the CUDA runtime for {plan.architecture}")
    target = toolchain.cuda / "targets" / CUDA_TARGETS[plan.architecture]
    files.link(target / "include", Path("../../include"))
    for library in folder.glob("nvidia/cu[0-9]*/lib"):
        library.rename(target / "lib")
    _link_runtime(target / "lib")
    files.remove(folder)


def _link_runtime(folder: Path) -> None:
    """Add the runtime's name without a version, which CMake looks for."""
    for library in folder.glob("libcudart.so.*"):
        files.link(folder / "libcudart.so", Path(library.name))


def _lay_out_tools(packages: Path, toolchain: Toolchain) -> None:
    """Link the two programs themselves: the packages' entry points name the Python that installed them."""
    for name, inside in (("cmake", "cmake/data/bin/cmake"), ("ninja", "bin/ninja")):
        if not (packages / inside).exists():
            raise ToolchainError(
                f"the package of {name} has no {inside}",
                why="the package has changed its layout",
                fix=f"pin another release of {name} in matrix.toml",
            )
        files.link(toolchain.tools / name, Path("..") / "packages" / inside)


def _lay_out_torch(
    plan: ToolchainPlan, toolchain: Toolchain, run: Runner, on_line: Callable[[str], None] | None
) -> None:
    """Take the stable ABI's headers and two libraries out of the torch package, which nothing else is needed of.

    The headers are the same in the CPU build and in the CUDA builds of one release, which this checks by digest; the
    package's own hash would tell these builds apart.
    """
    whole = toolchain.root / "whole-torch"
    done = uv_client.install_pinned([plan.torch], whole, architecture=plan.architecture, run=run, on_line=on_line)
    _check(done, plan.torch)
    include = whole / "torch" / "include"
    found = files.tree_sha256(include, TORCH_HEADERS)
    if found != plan.torch_headers_sha256:
        raise ToolchainError(
            f"the stable ABI headers of {plan.torch} are not those that matrix.toml pins",
            why=f"expected sha256 {plan.torch_headers_sha256}, found {found}",
            fix="check where the torch package came from; after a deliberate change of release, pin the new digest",
        )
    for folder in TORCH_HEADERS:
        shutil.copytree(include / folder, toolchain.torch / "include" / folder)
    (toolchain.torch / "lib").mkdir()
    for name in TORCH_LIBRARIES:
        (whole / "torch" / "lib" / name).rename(toolchain.torch / "lib" / name)
    files.remove(whole)


def _check(done: Completed, what: str) -> None:
    if not done.ok:
        raise ToolchainError(
            f"cannot install {what}",
            why=f"{done.command_line} ended with {done.returncode}:\n{done.last_lines()}",
            fix="check the network and the index that uv is set up with, then run the same command again",
        )
