"""What a wheel says of its operators: one JSON document, printed by ``python -m warpwright.export``, read strictly."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wheelworks.errors import ExportError
from wheelworks.process import Completed, Runner
from wheelworks.wheel_tests import make_environment

MODULE = "warpwright.export"
SCHEMA = 2


class Said(BaseModel):
    """Base of what a wheel says; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sample(Said):
    """A call that is taken, with each argument in words."""

    name: str
    arguments: dict[str, str]


class Refusal(Said):
    """A call that is refused, and words of the error."""

    name: str
    words: str


class Tolerance(Said):
    """How far a result may be from the reference: relative, by dtype, and relative to the largest result."""

    relative: dict[str, float]
    of_largest: float
    origin: str


class Trait(Said):
    """A general check that cannot hold, and why."""

    kind: str
    reason: str


class Workload(Said):
    """A call that is timed, the bytes that it moves and the operations that it does at least."""

    name: str
    arguments: dict[str, str]
    bytes: int
    operations: int


class Operator(Said):
    """One operator: what its contract and torch's registry say of it."""

    name: str
    family: str
    modules: tuple[str, ...]
    differs: str
    signature: str
    docstring: str
    schema_: str = Field(alias="schema")
    mutates: tuple[str, ...]
    samples: tuple[Sample, ...]
    refusals: tuple[Refusal, ...]
    tolerance: Tolerance
    traits: tuple[Trait, ...]
    workloads: tuple[Workload, ...]
    peers: tuple[str, ...]
    reference: str


class Parameter(Said):
    """A parameter of a public function."""

    name: str
    kind: Literal["POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD", "VAR_POSITIONAL", "KEYWORD_ONLY", "VAR_KEYWORD"]
    required: bool


class Function(Said):
    """A public function, or a class: the modules that have it, and the operator that it is, if it is one."""

    name: str
    modules: tuple[str, ...]
    operator: str | None
    parameters: tuple[Parameter, ...]


class Export(Said):
    """The whole document."""

    schema_: Literal[2] = Field(alias="schema")
    version: str
    modules: tuple[str, ...]
    functions: tuple[Function, ...]
    operators: tuple[Operator, ...]


def read_export(wheel: Path, *, torch: str, run: Runner, on_line: Callable[[str], None] | None = None) -> Export:
    """Install the wheel into a new environment, and ask it for its operators there."""
    with TemporaryDirectory(prefix="wheelworks-") as scratch:
        folder = Path(scratch)
        interpreter = make_environment(folder / "venv", wheel, torch, run=run, on_line=on_line)
        (folder / "empty").mkdir()
        done = run((interpreter, "-m", MODULE), cwd=folder / "empty")
    if not done.ok:
        raise _error(wheel, f"{done.command_line} ended with {done.returncode}:\n{done.last_lines()}")
    return parse_export(_document(done, wheel), wheel)


def parse_export(document: dict[str, Any], wheel: Path) -> Export:
    """Return what a document says; one of another schema, or with a key that is not known, is an ExportError."""
    if document.get("schema") != SCHEMA:
        raise _error(wheel, f"its document has schema {document.get('schema')!r}, and this project reads {SCHEMA}")
    try:
        return Export.model_validate(document)
    except ValidationError as error:
        raise _error(wheel, str(error)) from error


def require_promised(export: Export, promised: Collection[str], wheel: Path) -> None:
    """Refuse a wheel whose operators are not those of matrix.toml: it was built from another tree."""
    found = {operator.name for operator in export.operators}
    if missing := sorted(set(promised) - found):
        raise _error(wheel, f"it has no operator {', '.join(missing)}, which matrix.toml promises")
    if more := sorted(found - set(promised)):
        raise _error(wheel, f"it has an operator {', '.join(more)}, which matrix.toml does not promise")


def _document(done: Completed, wheel: Path) -> dict[str, Any]:
    """Return the first JSON object that stands at the start of a line: torch may warn before and behind it."""
    text = f"\n{done.output}"
    start = text.find("\n{")
    if start < 0:
        raise _error(wheel, f"{done.command_line} printed no document:\n{done.last_lines()}")
    try:
        document: dict[str, Any] = json.JSONDecoder().raw_decode(text, start + 1)[0]
    except json.JSONDecodeError as error:
        raise _error(wheel, f"{done.command_line} printed a broken document: {error}") from error
    return document


def _error(wheel: Path, why: str) -> ExportError:
    fix = "build the wheel from this tree, with `nox -s build-wheel`, and name that one"
    return ExportError(f"{wheel.name} does not tell what its operators are", why=why, fix=fix)
