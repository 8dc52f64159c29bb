"""The bill in the wheel is of this very binary, says what the binary says of itself, and is printed by the doctor."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from importlib.metadata import distribution

import pytest

from warpwright import _extension, bill


def test_the_bill_is_of_this_binary() -> None:
    record = json.loads(bill.FILE.read_text(encoding="utf-8"))
    assert record["sha256"] == hashlib.sha256(_extension.LIBRARY.read_bytes()).hexdigest()
    assert (record["lane"], record["version"]) == (_extension.build_record().lane, _extension.build_record().version)


def test_the_bill_has_code_for_every_path_that_the_binary_dispatches_to_and_no_other() -> None:
    found: dict[str, set[str]] = {}
    for kernel in bill.kernels():
        for operator in kernel.operators:
            found.setdefault(operator or "(no operator)", set()).add(kernel.sm)
    paths = {operator: set(sms) for operator, sms in _extension.compiled_paths().items() if sms}
    assert found == paths


def test_an_operator_that_shares_a_unit_has_a_line_that_names_whose_the_code_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def kernel(operator: str, unit: str, sm: str) -> bill.Kernel:
        return bill.Kernel(operator, unit, "f", "", "_Z1fv", sm, 2048, 32, 0, 0, 0)

    held = (kernel("rmsnorm", "rmsnorm_sm80+gemma_rmsnorm", "80"), kernel("gemma_rmsnorm", "gemma_rmsnorm_sm75", "75"))
    monkeypatch.setattr(bill, "kernels", lambda: held)
    assert [" ".join(line.split()) for line in bill.table_lines(["75", "80", "86"])][1:] == [
        "gemma_rmsnorm SASS 2 in rmsnorm runs 80 1 32 0",
        "rmsnorm none SASS 2 runs 80 1 32 0",
    ]
    assert [line.split()[0] for line in bill.kernel_lines()][1:] == ["rmsnorm_sm80", "gemma_rmsnorm_sm75"]


def test_the_doctor_prints_a_line_for_each_operator_and_on_request_for_each_kernel() -> None:
    def output(*options: str) -> list[str]:
        command = [sys.executable, "-m", "warpwright", *options]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.splitlines()

    report = output()
    assert [f"  {line}" in report for line in bill.table_lines(_extension.build_record().sm_set)].count(False) == 0
    assert len(output("--kernels")) == 1 + len(bill.kernels())


def test_the_wheel_carries_an_sbom_of_what_it_is_built_from() -> None:
    files = distribution("warpwright").files or []
    (path,) = (file for file in files if file.match("*.dist-info/sboms/*.cdx.json"))
    document = json.loads(path.read_text())
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    commits = {part["name"]: part["purl"].partition("@")[2] for part in document["components"]}
    record = _extension.build_record()
    assert commits["cutlass"] == record.cutlass
