"""The wheel imports anywhere, registers with torch, and says what it holds and what is missing."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

import warpwright
from warpwright import _extension


def test_the_version_is_that_of_the_metadata() -> None:
    assert warpwright.__version__ == importlib.metadata.version("warpwright")


def test_the_binary_names_a_path_table_for_every_operator() -> None:
    assert set(_extension.compiled_paths()) == set(warpwright.operators())


def test_an_import_reads_no_operator_and_the_first_use_of_one_reads_it() -> None:
    done = in_a_process_of_its_own("""
        import sys, torch, warpwright
        def rooms():
            found = sorted(name for name in sys.modules if name.count(".") == 2 and name.startswith("warpwright."))
            return [name.rpartition(".")[2] for name in found if not name.rpartition(".")[2].startswith("_")]
        print(rooms())
        x, weight = torch.randn(3, 16).half(), torch.randn(16).half()
        run = torch.compile(lambda x: warpwright.rmsnorm(x, weight), backend="aot_eager", fullgraph=True)
        print(torch.equal(run(x), warpwright.rmsnorm(x, weight)), rooms())
        torch.ops.warpwright.silu_and_mul.default(torch.empty(3, 8).half(), x)
        print(rooms())
    """)
    expected = ["[]", "True ['rmsnorm']", "['rmsnorm', 'silu_and_mul']"]
    assert done.stdout.splitlines() == expected, done.stderr


def test_an_operators_name_is_its_function_also_where_its_module_was_imported_first() -> None:
    done = in_a_process_of_its_own("""
        import warpwright.quantization.gptq_marlin_dequantize
        from warpwright.gemm import gptq_marlin_gemm, awq_dequantize
        from warpwright.quantization import gptq_marlin_dequantize
        from warpwright import gptq_marlin_dequantize as same
        print(gptq_marlin_gemm.__module__, awq_dequantize.__module__)
        print(gptq_marlin_dequantize is same, type(same).__name__)
        print(sorted(name for name in dir(warpwright) if name.startswith("awq")))
    """)
    assert done.stdout.splitlines() == [
        "warpwright.gemm.gptq_marlin_gemm warpwright.quantization.awq_dequantize",
        "True function",
        "['awq_dequantize', 'awq_marlin_repack']",
    ], done.stderr


def test_type_checkers_see_every_operator() -> None:
    package = Path(warpwright.__file__).parent
    for name, contract in warpwright.operators().items():
        for module in ("", contract.family, *contract.also_in):
            stub = (package / module / "__init__.pyi").read_text(encoding="utf-8")
            assert f"from warpwright.{contract.family}.{name} import {name} as {name}\n" in stub


def test_the_export_is_one_document_of_all_contracts() -> None:
    done = subprocess.run([sys.executable, "-m", "warpwright.export"], capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    assert document["schema"] == 2
    assert [each["name"] for each in document["operators"]] == list(warpwright.operators())
    assert all(workload["bytes"] > 0 for each in document["operators"] for workload in each["workloads"])


def test_the_operators_compile_without_a_graph_break() -> None:
    def layer(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return warpwright.silu_and_mul(warpwright.rmsnorm(x, weight))

    x, weight = torch.randn(3, 16).half(), torch.randn(16).half()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(x, weight), layer(x, weight))


def test_fake_tensors_get_shapes_and_refusals() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        a = torch.empty(4, 32, dtype=torch.int8, device="cuda")
        b = torch.empty(16, 32, dtype=torch.int8, device="cuda").t()
        scales = torch.empty(4, device="cuda"), torch.empty(16, device="cuda")
        out = warpwright.int8_scaled_mm(a, b, *scales, torch.float16)
        assert (out.shape, out.dtype, out.device.type) == ((4, 16), torch.float16, "cuda")
        with pytest.raises(RuntimeError, match="scales_a has shape .* with 5 elements, expected 4"):
            warpwright.int8_scaled_mm(a, b, torch.empty(5, device="cuda"), scales[1], torch.float16)


def test_a_torch_below_the_floor_is_refused_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "2.9.1")
    with pytest.raises(ImportError, match=r"needs torch 2.10 or newer, found 2.9.1: update it with `pip install"):
        _extension.load()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_extension, "LIBRARY", _extension.HERE / "none.so")
    with pytest.raises(ImportError, match=r"none.so is missing"):
        _extension.load()


def in_a_process_of_its_own(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


def test_a_second_copy_is_refused_by_a_sentence_that_names_both_places(tmp_path: Path) -> None:
    copy = shutil.copytree(Path(warpwright.__file__).parent, tmp_path / "warpwright")
    done = in_a_process_of_its_own(f"""
        import sys, warpwright
        for name in [name for name in sys.modules if name.partition(".")[0] == "warpwright"]:
            del sys.modules[name]
        sys.path.insert(0, {str(tmp_path)!r})
        import warpwright
    """)
    assert done.returncode == 1, f"ended with {done.returncode}"
    assert done.stderr.strip().splitlines()[-1] == (
        f"ImportError: warpwright: this process has already loaded {_extension.LIBRARY}, and {copy / '_C.abi3.so'} "
        "is a second copy: one process can use one; remove one of them, or what puts both on sys.path"
    )


def test_the_same_copy_may_be_imported_again() -> None:
    done = in_a_process_of_its_own("""
        import sys, torch, warpwright
        for name in [name for name in sys.modules if name.partition(".")[0] == "warpwright"]:
            del sys.modules[name]
        import warpwright
        print(warpwright.silu_and_mul(torch.ones(1, 4).half()).shape)
    """)
    assert done.stdout == "torch.Size([1, 2])\n", done.stderr


@pytest.mark.parametrize("device", ["meta", "cuda"])
def test_an_import_makes_no_tensor_and_starts_nothing(device: str) -> None:
    """Nor does anything that is made later depend on the default device of that time."""
    done = in_a_process_of_its_own(f"""
        import torch
        torch.set_default_device({device!r})
        import warpwright
        print(torch.cuda.is_initialized())
        words = torch.zeros(16, 8, dtype=torch.int32, device="cpu")
        packed = warpwright.awq_marlin_repack(words, 16, 64, 4)
        scales = warpwright.marlin_permute_scales(torch.ones(1, 64, device="cpu"), 16, 64, -1)
        zeros = warpwright.marlin_zero_points(torch.full((1, 64), 8, device="cpu"), 1, 64, 4)
        full = warpwright.gptq_marlin_gemm(torch.ones(2, 16, device="cpu").half(), None, packed, scales.half(), None,
                                           zeros, None, None, None, "uint4", 2, 64, 16)
        print(packed.device, scales.device, zeros.device, full.device, full.unique().tolist())
    """)
    assert done.stdout.splitlines() == ["False", "cpu cpu cpu cpu [-128.0]"], done.stderr


def test_an_import_brings_no_module_that_torch_itself_does_without() -> None:
    """Such as sympy, which takes longer to import than all of this package."""
    done = in_a_process_of_its_own("""
        import sys, torch
        before = set(sys.modules)
        import warpwright
        own = {"warpwright", *sys.stdlib_module_names}
        print(sorted({name for name in set(sys.modules) - before if name.partition(".")[0] not in own}))
    """)
    assert done.stdout == "[]\n", done.stderr
