"""Rules of the sources that no compiler checks: who may know whom, and what the tree promises."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from wheelworks.matrix import Matrix

STAGES = (
    "errors",
    "environment",
    "stop",
    "child",
    "process",
    "files",
    "store",
    "settings",
    "installed",
    "uv_client",
    "archive",
    "wheel",
    "provenance",
    "proof",
    "matrix_rows",
    "matrix",
    "units",
    "rooms",
    "gaps",
    "new_operator",
    "lanes",
    "github",
    "host_compiler",
    "ccache",
    "fingerprint",
    "frontend",
    "toolchain",
    "sources",
    "docker",
    "images",
    "base_image",
    "pins",
    "build_plan",
    "overlooked",
    "build_log",
    "build",
    "container",
    "cibuildwheel",
    "elf",
    "sm",
    "cuobjdump",
    "policy",
    "auditwheel_any_cpu",
    "bill",
    "sbom",
    "audit",
    "embed",
    "repair",
    "wheel_tests",
    "operator_export",
    "measured",
    "docstring",
    "operator_pages",
    "sgl_names",
    "switching",
    "switching_page",
    "gpu_tests",
    "compat",
    "newest",
    "readme",
    "versions",
    "checksums",
    "manifest",
    "index",
    "server",
    "publish",
    "published",
    "verify",
    "release",
    "progress",
    "cli",
)
"""The modules from left to right; each imports from those to its left alone."""

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
TORCH = re.compile(r"^(torch|ATen|c10|caffe2)/")
UNSTABLE = re.compile(r"\b(at|c10)::|torch/(all|extension)\.h|\bTORCH_LIBRARY\b")
OPERATOR = re.compile(r"^WARPWRIGHT_OPERATOR\((\w+),", re.MULTILINE)
PATHS = re.compile(r"^warpwright/paths/(\w+)\.h$")


def device_files(project: Path) -> list[Path]:
    found = [*(project / "csrc").rglob("*.cu*"), *(project / "include").rglob("*.*h")]
    found += (project / "csrc" / "cutlass_extensions").rglob("*.h")
    return sorted(path for path in found if path.is_file())


def torch_includes(text: str) -> list[str]:
    return [name for name in INCLUDE.findall(text) if TORCH.match(name)]


def test_a_torch_include_would_be_seen() -> None:
    assert torch_includes('#include <cuda_bf16.h>\n#  include "torch/csrc/stable/tensor.h"\n') == [
        "torch/csrc/stable/tensor.h"
    ]


def test_device_code_and_launchers_know_no_torch(project: Path) -> None:
    files = device_files(project)
    assert files
    assert {path.name: torch_includes(path.read_text(encoding="utf-8")) for path in files} == {
        path.name: [] for path in files
    }


@pytest.mark.parametrize("line", ["at::Tensor x;", "c10::cuda::CUDAGuard g;", "#include <torch/all.h>"])
def test_an_unstable_use_would_be_seen(line: str) -> None:
    assert UNSTABLE.search(line)


GATE = re.compile(r"<<<|\bcudaLaunch\w*\(|\bcudaGetLastError\b|\bcudaPeekAtLastError\b|\bGemmUniversalAdapter\b")
CALL = re.compile(r"\bcuda[A-Z]\w*\(")
TAKEN = re.compile(r"\b(?:take_error|check_cuda_call)\(\s*cuda[A-Z]\w*\(")
WORDS_ONLY = ("cudaGetErrorName(", "cudaGetErrorString(")


def without_comments(path: Path) -> str:
    return re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("line", ["kernel<<<1, 1>>>(p);", "cudaLaunchKernelEx(&c, k);", "return cudaGetLastError();"])
def test_a_way_around_the_gate_would_be_seen(line: str) -> None:
    assert GATE.search(line)


def test_every_launch_goes_through_the_gate(project: Path) -> None:
    sources = [*device_files(project), *(project / "csrc").rglob("*.cpp"), *(project / "csrc").rglob("*.h")]
    around = {path.name for path in sources if GATE.search(without_comments(path))}
    assert around == {"launch_kernel.cuh", "status.h"}


def test_no_call_of_the_runtime_leaves_an_error_behind(project: Path) -> None:
    sources = [*device_files(project), *(project / "csrc").rglob("*.cpp"), *(project / "csrc").rglob("*.h")]
    for path in sources:
        if path.name == "status.h":
            continue
        text = without_comments(path)
        calls = [call for call in CALL.findall(text) if call not in WORDS_ONLY]
        assert len(TAKEN.findall(text)) == len(calls), f"{path.name}: {calls}"


def test_the_extension_uses_the_stable_abi_alone(project: Path) -> None:
    for path in sorted((project / "csrc").rglob("*.cpp")) + sorted((project / "csrc").rglob("*.h")):
        code = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))
        assert UNSTABLE.findall(code) == [], path


def test_no_kernel_is_in_an_anonymous_namespace(project: Path) -> None:
    for path in device_files(project):
        text = path.read_text(encoding="utf-8")
        assert "namespace {" not in text, f"{path}: its symbols would carry a hash of the file's path"
        assert not re.search(r"\bstatic\b[^;{]*__global__", text), path


def test_cutlass_2_and_cutlass_3_units_do_not_include_each_other(project: Path) -> None:
    for path in sorted((project / "csrc" / "gemm").glob("*sm90a*.cu*")):
        included = INCLUDE.findall(path.read_text(encoding="utf-8"))
        assert not [name for name in included if "cutlass_extensions" in name or "cutlass2" in name], path
    for path in sorted((project / "csrc").rglob("*_sm[78]*.cu")):
        included = INCLUDE.findall(path.read_text(encoding="utf-8"))
        assert not [name for name in included if "cutlass3" in name or "sm90" in name], path


def test_every_operator_is_one_file_that_registers_it(project: Path, matrix: Matrix) -> None:
    files = (project / "csrc").rglob("*.cpp")
    registered = [(path.stem, name) for path in files for name in OPERATOR.findall(path.read_text(encoding="utf-8"))]
    assert sorted(registered) == [(name, name) for name in sorted(matrix.operators)]


def test_an_operator_reads_its_own_path_table_and_no_other(project: Path, matrix: Matrix) -> None:
    """So that a new operator, or another unit of one, compiles no other operator's file anew."""
    read: dict[str, list[str]] = {}
    for path in [*(project / "csrc").rglob("*.cpp"), *(project / "csrc").rglob("*.h")]:
        names = [PATHS.match(name) for name in INCLUDE.findall(path.read_text(encoding="utf-8"))]
        if tables := [name[1] for name in names if name]:
            read[path.name] = tables
    assert read == {f"{name}.cpp": [name] for name in matrix.operators} | {"library.cpp": ["all"]}


def test_every_stage_imports_from_its_left_alone(project: Path) -> None:
    root = project / "python" / "wheelworks" / "wheelworks"
    for path in root.rglob("*.py"):
        own = path.relative_to(root).parts[0].removesuffix(".py")
        if own.startswith("__"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wheelworks"):
                parts = (node.module or "").split(".")[1:2] or [alias.name for alias in node.names]
                for other in parts:
                    assert other == own or STAGES.index(other) < STAGES.index(own), f"{own} imports {other}"


def test_the_doors_hold_no_logic(project: Path) -> None:
    for node in ast.parse((project / "noxfile.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 15, node.name


def test_the_build_description_stays_readable(project: Path) -> None:
    assert len((project / "CMakeLists.txt").read_text(encoding="utf-8").splitlines()) <= 120


def test_a_kernel_that_may_be_launched_early_waits_before_it_does_anything_else(project: Path) -> None:
    """Without the wait it could read what an earlier kernel has yet to write: programmatic dependent launch."""
    begins, found = ("constexpr ", "__shared__ ", "extern __shared__ ", "using ", "//"), 0
    for path in (project / "include").rglob("*.cuh"):
        text = path.read_text(encoding="utf-8")
        if "/dependent_launch.cuh" not in text:
            continue
        kernels = re.findall(r"^__global__ (.*?)\n\}", text, flags=re.DOTALL | re.MULTILINE)
        assert kernels, f"{path} includes dependent_launch.cuh and has no kernel"
        for kernel in kernels:
            head, _, body = kernel.partition(") {\n")
            lines = [line.strip() for line in body.splitlines() if line.strip()]
            before = lines[: lines.index("wait_for_earlier_kernels();")]
            assert all(line.startswith(begins) for line in before), f"{path}: {head}: {before}"
            found += 1
    assert found >= 8
