"""A toolchain is complete or absent, and its address changes with every part of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from doubles import FakeRunner
from wheelworks import files
from wheelworks.errors import ToolchainError
from wheelworks.lanes import choose_lane
from wheelworks.matrix import Matrix, parse_matrix
from wheelworks.store import Store
from wheelworks.toolchain import TORCH_HEADERS, ToolchainPlan, ensure_toolchain, plan_toolchain

PACKAGES = (
    "nvidia/cu13/bin/nvcc", "nvidia/cu13/bin/ptxas", "nvidia/cu13/bin/cuobjdump", "nvidia/cu13/include/cuda_runtime.h",
    "nvidia/cu13/lib/libcudart_static.a", "nvidia/cu13/lib/libcudart.so.13", "cmake/data/bin/cmake", "bin/ninja",
)  # fmt: skip
TORCH = (
    *(f"torch/include/{folder}/a.h" for folder in TORCH_HEADERS),
    "torch/include/ATen/ATen.h", "torch/lib/libtorch.so", "torch/lib/libtorch_cpu.so", "torch/lib/libtorch_python.so",
)  # fmt: skip


def installs(command: tuple[str, ...], missing: str = "") -> tuple[int, str]:
    """Do what uv would do: put the packages' files into the folder after --target."""
    target = Path(command[command.index("--target") + 1])
    for name in PACKAGES if "--requirement" in command else TORCH:
        if name != missing:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_text(name.removeprefix("torch/include/"), encoding="utf-8")
    return 0, ""


@pytest.fixture
def plan(tmp_path: Path) -> ToolchainPlan:
    include = tmp_path / "torch" / "include"
    for folder in TORCH_HEADERS:
        (include / folder).mkdir(parents=True)
        (include / folder / "a.h").write_text(f"{folder}/a.h", encoding="utf-8")
    return ToolchainPlan(
        Path("cu130.txt"), "lock", "torch==2.13.0", files.tree_sha256(include, TORCH_HEADERS), "x86_64"
    )


def test_a_toolchain_is_made_once_and_holds_no_unstable_header(plan: ToolchainPlan, tmp_path: Path) -> None:
    runner = FakeRunner(installs)
    toolchain = ensure_toolchain(plan, store=Store(tmp_path), run=runner)
    ensure_toolchain(plan, store=Store(tmp_path), run=runner)
    assert len(runner.commands) == 2
    assert (toolchain.cuda / "lib" / "libcudart.so").exists()
    assert not list(toolchain.root.rglob("ATen*"))
    assert not list(toolchain.root.rglob("libtorch_python*"))


def test_hashes_are_required_of_the_locked_packages(plan: ToolchainPlan, tmp_path: Path) -> None:
    runner = FakeRunner(installs)
    ensure_toolchain(plan, store=Store(tmp_path), run=runner)
    assert "--require-hashes" in runner.commands[0]


def test_a_failed_download_leaves_nothing_and_tells_uvs_words(plan: ToolchainPlan, tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="no route to host") as caught:
        ensure_toolchain(plan, store=Store(tmp_path), run=FakeRunner(lambda _: (2, "no route to host")))
    assert "check the network" in caught.value.fix
    assert [path.name for path in (tmp_path / "toolchains").iterdir()] == [f"{plan.digest}.lock"]


def test_other_torch_headers_than_the_pinned_are_refused(plan: ToolchainPlan, tmp_path: Path) -> None:
    wrong = ToolchainPlan(plan.lock, plan.lock_text, plan.torch, "0" * 64, plan.architecture)
    with pytest.raises(ToolchainError, match="are not those that matrix.toml pins"):
        ensure_toolchain(wrong, store=Store(tmp_path), run=FakeRunner(installs))


def test_a_damaged_toolchain_is_named_and_made_anew(plan: ToolchainPlan, tmp_path: Path) -> None:
    said: list[str] = []
    store = Store(tmp_path, say=said.append)
    toolchain = ensure_toolchain(plan, store=store, run=FakeRunner(installs))
    (toolchain.cuda / "bin" / "ptxas").write_text("", encoding="utf-8")
    mended = ensure_toolchain(plan, store=store, run=FakeRunner(installs))
    assert said == [f"{toolchain.root} is damaged and made anew: cuda/bin/ptxas has 0 bytes, expected 21"]
    assert (mended.cuda / "bin" / "ptxas").read_text(encoding="utf-8") == "nvidia/cu13/bin/ptxas"


@pytest.mark.parametrize("missing", ["nvidia/cu13/bin/ptxas", "nvidia/cu13/include/cuda_runtime.h"])
def test_packages_without_a_part_of_the_toolkit_are_refused(missing: str, plan: ToolchainPlan, tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match=f"missing: cuda/{missing.removeprefix('nvidia/cu13/')}"):
        ensure_toolchain(plan, store=Store(tmp_path), run=FakeRunner(lambda words: installs(words, missing=missing)))


def test_packages_that_make_no_toolkit_are_refused(plan: ToolchainPlan, tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="do not make one CUDA toolkit"):
        ensure_toolchain(
            plan,
            store=Store(tmp_path),
            run=FakeRunner(lambda command: installs(command, missing="nvidia/cu13/bin/nvcc")),
        )


def test_the_address_changes_with_every_part(plan: ToolchainPlan) -> None:
    others = [
        ToolchainPlan(plan.lock, "other lock", plan.torch, plan.torch_headers_sha256, plan.architecture),
        ToolchainPlan(plan.lock, plan.lock_text, "torch==2.14.0", plan.torch_headers_sha256, plan.architecture),
        ToolchainPlan(plan.lock, plan.lock_text, plan.torch, "1" * 64, plan.architecture),
        ToolchainPlan(plan.lock, plan.lock_text, plan.torch, plan.torch_headers_sha256, "aarch64"),
    ]
    others += [replace(plan, machine="aarch64"), replace(plan, preparation_text="other")]
    assert len({plan.digest, *(other.digest for other in others)}) == 7


def test_a_toolchain_for_another_architecture_has_its_runtime_where_nvcc_looks(
    plan: ToolchainPlan, tmp_path: Path
) -> None:
    lock = "nvidia-cuda-nvcc==13.0.88 --hash=1\nnvidia-cuda-runtime==13.0.96 \\\n    --hash=2\n"
    across = replace(plan, architecture="aarch64", lock_text=lock)
    texts = []

    def answer(command: tuple[str, ...]) -> tuple[int, str]:
        if command[-1].endswith("target.txt"):
            texts.append(Path(command[-1]).read_text(encoding="utf-8"))
            assert command[command.index("--python-platform") + 1].startswith("aarch64")
        return installs(command)

    toolchain = ensure_toolchain(across, store=Store(tmp_path), run=FakeRunner(answer))
    target = toolchain.cuda / "targets" / "sbsa-linux"
    assert (target / "lib" / "libcudart_static.a").exists()
    assert (target / "include" / "cuda_runtime.h").exists()
    assert texts == ["nvidia-cuda-runtime==13.0.96 \\\n    --hash=2\n"]


def test_a_container_toolkit_brings_the_readers_of_device_code_alone(plan: ToolchainPlan, tmp_path: Path) -> None:
    runner = FakeRunner(lambda command: installs(command, missing="nvidia/cu13/bin/nvcc"))
    toolchain = ensure_toolchain(replace(plan, embedded=False), store=Store(tmp_path), run=runner)
    assert toolchain.cuda == Path("/usr/local/cuda")
    assert toolchain.cuobjdump.exists()


def test_every_toolkits_lock_is_of_this_matrix(matrix: Matrix, project: Path) -> None:
    for row in matrix.lanes:
        plan_toolchain(matrix, choose_lane(matrix, row.name), project)


def test_a_lock_of_another_matrix_is_refused(matrix_data: dict[str, Any], project: Path) -> None:
    matrix_data["tools"]["packages"] = ["cmake==3.30.0", "ninja==1.13.0"]
    changed = parse_matrix(matrix_data)
    with pytest.raises(ToolchainError, match=r"lacks \['cmake==3.30.0'\].*has \['cmake=="):
        plan_toolchain(changed, choose_lane(changed, None), project)
