"""Pages of operators: from what a wheel says, what the matrix promises and what was measured, and from nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from operator_documents import OPERATOR, TIMES, WHEEL, document, export, printing, write_times
from wheelworks.cli import operator_pages as command
from wheelworks.docstring import body_as_markdown, summary
from wheelworks.errors import PagesError
from wheelworks.matrix import Matrix
from wheelworks.measured import Measured
from wheelworks.operator_pages import render_pages

PAGE = """\
<!-- Written by `nox -s operator-pages -- WHEEL`. -->

# rmsnorm

Scale each row to a root mean square of one.

```python
rmsnorm(input: torch.Tensor, eps: float = 1e-06) -> torch.Tensor
```

`warpwright.rmsnorm`, `warpwright.elementwise.rmsnorm`.

``out = input / rms``, with sums in float32.

### Parameters

- `input`:
  ``(..., hidden)``, float16. Rows may lie apart;
  the elements of a row may not.
- `eps`:
  Added before the root.

### Returns

``out``. No rows give an empty tensor.

## Operator

```
warpwright::rmsnorm(Tensor! out, Tensor input, float eps) -> ()
```

It writes to `out`. Every full wheel has code of it for SM 75, 90a.

## How it is checked

A result may be off the reference in float64 by 2^-10 of its value (float16): one rounding.

These calls are taken:

| sample | arguments |
| --- | --- |
| typical | `input` float16 (64, 4096), `eps` 1e-06 |

These are refused, in these words:

- dtype: `input has dtype float32, expected float16`

What general checks cannot hold:

- synchronises: the host reads a flag

## Workloads

| workload | arguments | bytes | operations |
| --- | --- | --- | --- |
| 1 x 4096 | `rows` 1 | 16,384 | 0 |

Timed beside torch, copy.

## Measured

On one NVIDIA H100 80GB HBM3 with torch 2.11.0+cu130, 2026-11-27. The floor is the least time in which the machine can \
move the bytes and do the operations.

| workload | us | % of the floor | times as fast as torch | times as fast as copy |
| --- | --- | --- | --- | --- |
| 1 x 4096 | 3.0 | 50 | 3.30 |  |
| 8 x 4096 | 4.0 | 50 |  | 0.50 |

## Reference

```python
def reference(input):
    return input
```
"""


NAMES = """\
schema = 1
not-here = { planned = ["elementwise"] }
families.elementwise.elementwise.rmsnorm = { "0.4.5" = "input, eps=1e-06" }
"""


def page(change: dict[str, Any] | None = None) -> str:
    return render_pages(export({**OPERATOR, **(change or {})}), {"rmsnorm": ("75", "90a")}, {})["rmsnorm.md"]


def test_a_page_has_all_that_is_known_of_an_operator() -> None:
    measured = {"rmsnorm": Measured.model_validate(TIMES)}
    assert render_pages(export(), {"rmsnorm": ("75", "90a")}, measured)["rmsnorm.md"] == PAGE


def test_a_page_says_where_nothing_was_measured() -> None:
    assert "## Measured\n\nNot measured yet.\n\n## Reference" in page()


def test_a_page_is_the_same_for_every_lane() -> None:
    promises = {"rmsnorm": ("75",)}
    assert render_pages(export(version="0.2.0+cu124"), promises, {}) == render_pages(export(), promises, {})
    assert "0.1.0" not in page()


def test_an_exact_operator_is_right_bit_for_bit() -> None:
    tolerance = {"relative": {}, "of_largest": 0.0, "origin": "whole numbers"}
    assert "The result is that of the reference, bit for bit: whole numbers." in page({"tolerance": tolerance})


def test_both_parts_of_a_tolerance_are_told() -> None:
    tolerance = {"relative": {"float16": 0.001, "bfloat16": 0.0078125}, "of_largest": 1e-5, "origin": "sums"}
    words = "by 0.001 of its value (float16), 2^-7 of its value (bfloat16), 1e-05 of the largest value: sums."
    assert words in page({"tolerance": tolerance})


def test_whole_numbers_are_off_by_so_many() -> None:
    tolerance = {"relative": {"int8": 1, "float32": 0.25}, "of_largest": 0.0, "origin": "ties"}
    assert "by 1 (int8), 2^-2 of its value (float32): ties." in page({"tolerance": tolerance})


def test_what_callers_of_sgl_kernel_find_different_stands_beside_the_call() -> None:
    told = page({"differs": "rows of zeros stay zero"})
    assert "`warpwright.elementwise.rmsnorm`.\n\nIt differs from sgl_kernel's: rows of zeros stay zero\n" in told
    assert "differs" not in page()


def test_parts_that_an_operator_does_not_have_leave_no_heading() -> None:
    text = page(
        {"traits": [], "samples": [], "refusals": [], "workloads": [], "peers": [], "mutates": [], "modules": []}
    )
    assert "What general checks cannot hold" not in text
    assert "These calls are taken" not in text
    assert "in these words" not in text
    assert "It writes to none of its arguments." in text
    assert "## Workloads\n\nNone.\n\n## Measured" in text
    assert "`warpwright.rmsnorm`.\n" in text


def test_signs_of_markdown_in_words_stay_words() -> None:
    text = page({
        "refusals": [{"name": "stride", "words": "call `contiguous`"}],
        "samples": [{"name": "a|b", "arguments": {"x": "1 | 2"}}],
    })  # fmt: skip
    assert "- stride: `` call `contiguous` ``" in text
    assert r"| a\|b | `x` 1 \| 2 |" in text


def test_a_docstring_of_one_line_has_no_body() -> None:
    assert (summary("Copy rows."), body_as_markdown("Copy rows.")) == ("Copy rows.", "")


@pytest.fixture
def checkout(matrix: Matrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose matrix promises one operator, and a wheel that has it."""
    one = matrix.model_copy(update={"promise_of": {"rmsnorm": "hopper"}})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "read_matrix", lambda: one)
    monkeypatch.setattr(command, "run", printing(json.dumps(document())))
    write_times(tmp_path / "docs/performance", json.dumps(TIMES))
    (tmp_path / "docs/sgl_kernel.toml").write_text(NAMES, encoding="utf-8")
    return tmp_path / "docs/operators"


def test_pages_are_written_and_then_current(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command.operator_pages(WHEEL)
    assert sorted(path.name for path in checkout.iterdir()) == ["rmsnorm.md"]
    assert (checkout / "rmsnorm.md").read_text(encoding="utf-8") == PAGE.replace("SM 75, 90a", "SM 90a")
    assert "wrote docs/operators/rmsnorm.md" in capsys.readouterr().out
    switching = checkout.parent / "switching_from_sgl_kernel.md"
    assert "| [`rmsnorm`](operators/rmsnorm.md) | 0.4.5 | works |" in switching.read_text(encoding="utf-8")
    command.operator_pages(WHEEL, check=True)
    assert "docs/operators is current" in capsys.readouterr().out


def test_the_page_of_an_operator_that_is_gone_is_removed(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command.operator_pages(WHEEL)
    (checkout / "gelu.md").write_text("", encoding="utf-8")
    command.operator_pages(WHEEL)
    assert not (checkout / "gelu.md").exists()
    assert "removed docs/operators/gelu.md" in capsys.readouterr().out


def test_a_check_names_every_page_that_is_not_current_and_changes_none(checkout: Path) -> None:
    checkout.mkdir()
    for name in ("rmsnorm.md", "gelu.md"):
        (checkout / name).write_text("old", encoding="utf-8")
    with pytest.raises(PagesError) as caught:
        command.operator_pages(WHEEL, check=True)
    told = str(caught.value)
    assert "docs/operators/rmsnorm.md is out of date" in told
    assert "docs/operators/gelu.md is of no operator" in told
    assert "docs/switching_from_sgl_kernel.md is missing" in told
    assert f"run `nox -s operator-pages -- {WHEEL}`" in told
    assert [path.read_text(encoding="utf-8") for path in checkout.iterdir()] == ["old", "old"]
