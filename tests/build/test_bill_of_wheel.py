"""The bill of a really built wheel: embedded without a change of the binary, equal in two builds, true of the code."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest
from workshop import PROJECT, Workshop

from wheelworks.audit import Tools
from wheelworks.bill import BILL, BillProof, parse_bill, read_accepted
from wheelworks.cuobjdump import read_kernels
from wheelworks.embed import embed_bills
from wheelworks.lanes import choose_lane
from wheelworks.matrix import Matrix, load_matrix
from wheelworks.policy import plan_policy
from wheelworks.process import run
from wheelworks.proof import read_proof
from wheelworks.repair import repair_wheel
from wheelworks.units import operators_of, read_units

SPILLING = """
__global__ void __launch_bounds__(1024) spills(float* p, int n) {
  float held[40];
#pragma unroll
  for (int i = 0; i < 40; i++) held[i] = p[i * n + threadIdx.x];
  __syncthreads();
#pragma unroll
  for (int i = 0; i < 40; i++) p[i * n + threadIdx.x] = held[(i * 7) % 40] * held[39 - i];
}
__global__ void fits(float* p) { p[threadIdx.x] *= 2; }
"""


@pytest.fixture(scope="session")
def matrix() -> Matrix:
    return load_matrix(PROJECT / "matrix.toml")


@pytest.mark.parametrize("sm", ["75", "80", "89", "90a"])
def test_the_compiler_notes_spills_as_the_reader_counts_them(sm: str, workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "unit.cu").write_text(SPILLING, encoding="utf-8")
    target = tmp_path / "unit.o"
    code = f"-gencode=arch=compute_{sm},code=sm_{sm}"
    done = run(
        [workshop.toolchain.cuda / "bin" / "nvcc", code, "-Xptxas=-v", "-Xfatbin=-ident=unit", "-c", "-o", target,
         tmp_path / "unit.cu"],
        env=workshop.plan.environment,
    )  # fmt: skip
    assert done.ok, done.output
    kernels = {kernel.symbol: kernel for kernel in read_kernels(workshop.toolchain.cuobjdump, target, run)}
    fits, spills = kernels["_Z4fitsPf"], kernels["_Z6spillsPfi"]
    assert fits.unit == spills.unit == "unit"
    assert fits.usage is not None
    assert fits.usage.spills == 0
    assert spills.usage is not None
    assert " bytes spill stores" in done.output
    sass = run([workshop.toolchain.cuobjdump, "-sass", target]).output
    assert spills.usage.spills == sum(f" {word}" in line for line in sass.splitlines() for word in ("STL", "LDL"))
    assert spills.usage.spills > 0


FAMILY = tuple(f"fused_add_rmsnorm_quantized_{number}" for number in range(12))
"""More operators than any unit has yet, with longer names."""


def test_the_compiler_carries_the_names_of_all_operators_of_a_unit(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "unit.cu").write_text(SPILLING, encoding="utf-8")
    target, name = tmp_path / "unit.o", "+".join((f"{FAMILY[0]}_sm80", *FAMILY[1:]))
    codes = ("-gencode=arch=compute_80,code=sm_80", "-gencode=arch=compute_90a,code=compute_90a")
    done = run(
        [workshop.toolchain.cuda / "bin" / "nvcc", *codes, f"-Xfatbin=-ident={name}", "-c", "-o", target,
         tmp_path / "unit.cu"],
        env=workshop.plan.environment,
    )  # fmt: skip
    assert done.ok, done.output
    kernels = read_kernels(workshop.toolchain.cuobjdump, target, run)
    assert {(str(kernel.sm), kernel.unit) for kernel in kernels} == {("80", name), ("90a-ptx", name)}
    assert operators_of(name) == FAMILY


@pytest.mark.slow
def test_the_built_wheel_carries_the_bill_that_its_proof_holds(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = parse_bill(archive.read(BILL), BILL)
    assert inside == read_proof(wheel, BillProof).bill
    found = {operator for kernel in inside.kernels for operator in kernel.operators}
    assert found == set(load_matrix(PROJECT / "matrix.toml").operators)


@pytest.mark.slow
def test_the_command_prints_draws_and_accepts_a_bill(wheel: Path, matrix: Matrix, tmp_path: Path) -> None:
    for name in ("matrix.toml", "csrc", "locks", "docker"):
        (tmp_path / name).symlink_to(PROJECT / name)
    program = "from wheelworks.cli import main; main()"
    done = run([sys.executable, "-c", program, "bill", wheel, "--svg", "bill.svg", "--accept"], cwd=tmp_path)
    assert done.ok, done.output
    first = {line.split(" ")[0] for line in done.output.splitlines()}
    assert set(matrix.operators) <= first
    assert (tmp_path / "bill.svg").read_text(encoding="utf-8").startswith("<svg ")
    accepted = read_accepted(tmp_path / "bills", choose_lane(matrix, None).name)
    assert accepted is not None
    assert accepted.wheel_bytes == wheel.stat().st_size


@pytest.mark.slow
def test_embedding_and_repair_change_no_byte_of_the_binary_and_give_equal_wheels(
    wheel: Path, workshop: Workshop, matrix: Matrix, tmp_path: Path
) -> None:
    (built,) = workshop.plan.staging.glob("*.whl")
    policy, tools = plan_policy(matrix, read_units(PROJECT)), Tools(run, workshop.toolchain.cuobjdump)
    finished = []
    for name in ("first", "second"):
        billed = embed_bills(built, tmp_path / name / "billed", policy, tools)
        finished.append(repair_wheel(billed, tmp_path / name, policy, run))
    assert finished[0].read_bytes() == finished[1].read_bytes() == wheel.read_bytes()
    with zipfile.ZipFile(built) as before, zipfile.ZipFile(wheel) as after:
        assert before.read(policy.binary) == after.read(policy.binary)
        assert json.loads(after.read(BILL))["schema"] == 1
