"""A wheel's account of one operator, and its measured times, to be changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from doubles import FakeRunner
from wheelworks.operator_export import Export, parse_export

WHEEL = Path("dist/warpwright-0.1.0+cu130-cp310-abi3-linux_x86_64.whl")

DOCSTRING = """Scale each row to a root mean square of one.

    ``out = input / rms``, with sums in float32.

    Parameters
    ----------
    input
        ``(..., hidden)``, float16. Rows may lie apart;
        the elements of a row may not.
    eps
        Added before the root.

    Returns
    -------
    ``out``. No rows give an empty tensor.
    """

OPERATOR: dict[str, Any] = {
    "name": "rmsnorm",
    "family": "elementwise",
    "modules": ["elementwise"],
    "differs": "",
    "signature": "rmsnorm(input: torch.Tensor, eps: float = 1e-06) -> torch.Tensor",
    "docstring": DOCSTRING,
    "schema": "(Tensor($0! -> ) out, Tensor input, float eps) -> ()",
    "mutates": ["out"],
    "samples": [{"name": "typical", "arguments": {"input": "float16 (64, 4096)", "eps": "1e-06"}}],
    "refusals": [{"name": "dtype", "words": "input has dtype float32, expected float16"}],
    "tolerance": {"relative": {"float16": 0.0009765625}, "of_largest": 0.0, "origin": "one rounding."},
    "traits": [{"kind": "synchronises", "reason": "the host reads a flag"}],
    "workloads": [{"name": "1 x 4096", "arguments": {"rows": "1"}, "bytes": 16384, "operations": 0}],
    "peers": ["torch", "copy"],
    "reference": "def reference(input):\n    return input\n",
}

FUNCTION: dict[str, Any] = {
    "name": "rmsnorm",
    "modules": ["warpwright", "warpwright.elementwise"],
    "operator": "rmsnorm",
    "parameters": [
        {"name": "input", "kind": "POSITIONAL_OR_KEYWORD", "required": True},
        {"name": "eps", "kind": "POSITIONAL_OR_KEYWORD", "required": False},
    ],
}

TIMES: dict[str, Any] = {
    "schema": 2,
    "device": "NVIDIA H100 80GB HBM3",
    "torch": "2.11.0+cu130",
    "date": "2026-11-27",
    "version": "0.1.0+cu130",
    "operator": "rmsnorm",
    "rows": [
        {"workload": "1 x 4096", "bytes": 16384, "operations": 0, "floor": 1.5, "us": {"ours": 3.0, "torch": 9.9}},
        {"workload": "8 x 4096", "bytes": 9, "operations": 0, "floor": 2.0, "us": {"ours": 4.0, "copy": 2.0}},
    ],
}


def document(*operators: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a wheel's document; what stands in ``more`` comes in the place of what it has."""
    said = {"modules": ["elementwise"], "functions": [FUNCTION], "operators": [*operators] or [OPERATOR]}
    return {"schema": 2, "version": "0.1.0+cu130", **said, **more}


def export(*operators: dict[str, Any], **more: Any) -> Export:
    return parse_export(document(*operators, **more), WHEEL)


def printing(text: str, returncode: int = 0) -> FakeRunner:
    return FakeRunner(lambda words: (returncode, text) if "warpwright.export" in words else (0, ""))


def write_times(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rmsnorm.json").write_text(text, encoding="utf-8")
