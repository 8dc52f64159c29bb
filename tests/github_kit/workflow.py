"""Workflows as GitHub reads them: jobs by their needs, a run for each row of a matrix, values of expressions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
SELF = "$/"
"""How a workflow names an action or a workflow of its own repository."""


@dataclass(frozen=True)
class Job:
    """One run of a job: with a row of its matrix, where it has one."""

    workflow: str
    name: str
    data: Mapping[str, Any]
    context: dict[str, Any]

    @property
    def permissions(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.data["permissions"]
        return found

    @property
    def environment(self) -> dict[str, str]:
        return self._values(self.data)

    def environment_of(self, step: Mapping[str, Any]) -> dict[str, str]:
        return self.environment | self._values(step)

    def value(self, text: Any) -> Any:
        """Return the value of what a workflow says in this run."""
        return evaluate(text, self.context)

    def _values(self, owner: Mapping[str, Any]) -> dict[str, str]:
        return {name: str(self.value(text)) for name, text in owner.get("env", {}).items()}


class Worker(Protocol):
    """Does the steps of jobs."""

    def begin(self, job: Job) -> None:
        """Make a machine ready for a job."""

    def do(self, job: Job, step: Mapping[str, Any]) -> Mapping[str, str]:
        """Do a step; give its outputs."""


@dataclass
class Project:
    """A project with its workflows, and what GitHub knows of it: its variables, secrets and token."""

    root: Path
    context: Mapping[str, Any] = field(default_factory=dict)

    def read(self, name: str) -> dict[str, Any]:
        text = (self.root / ".github" / "workflows" / name).read_text(encoding="utf-8")
        found: dict[str, Any] = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - it makes strings alone, so "on" stays a word
        return found

    def run(self, name: str, worker: Worker, inputs: Mapping[str, Any] | None = None) -> None:
        """Run the jobs of a workflow one after another, those of the workflows that it calls too."""
        needs: dict[str, Any] = {}
        for key, data in self.read(name)["jobs"].items():
            missing = set(_words(data.get("needs", ()))) - set(needs)
            assert not missing, f"{name}: job {key} stands before what it needs: {missing}"
            context = {**self.context, "inputs": inputs or {}, "needs": needs}
            if "uses" in data:
                self.run(Path(data["uses"]).name, worker, data.get("with"))
                needs[key] = {"outputs": {}}
            else:
                needs[key] = {"outputs": self._run_job(name, key, data, context, worker)}

    def _run_job(
        self, name: str, key: str, data: Mapping[str, Any], context: dict[str, Any], worker: Worker
    ) -> dict[str, str]:
        outputs: dict[str, str] = {}
        for row in _rows(data, context):
            job = Job(name, key, data, {**context, "matrix": row, "steps": {}})
            worker.begin(job)
            for step in data["steps"]:
                if job.value(step.get("if", "true")) in ("true", True):
                    job.context["steps"][step.get("id")] = {"outputs": dict(worker.do(job, step))}
            outputs |= {name: job.value(text) for name, text in data.get("outputs", {}).items()}
        return outputs


def evaluate(text: Any, context: Mapping[str, Any]) -> Any:
    """Return a text with the values of its expressions; where one is the whole text, its value itself."""
    if not isinstance(text, str):
        return text
    if whole := EXPRESSION.fullmatch(text):
        return _value(whole[1], context)
    return EXPRESSION.sub(lambda found: str(_value(found[1], context)), text)


def _value(expression: str, context: Mapping[str, Any]) -> Any:
    if expression.startswith("!"):
        return _value(expression[1:], context) in ("", "false", False)
    if expression == "cancelled()":
        return False
    if inner := re.fullmatch(r"fromJSON\((.*)\)", expression):
        return json.loads(_value(inner[1], context))
    found: Any = context
    for word in expression.split("."):
        if expression.startswith("inputs.") and word not in found:
            return ""
        assert word in found, f"no value for {expression}: there is {sorted(map(str, found))}"
        found = found[word]
    return found


def _rows(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    matrix = evaluate(data.get("strategy", {}).get("matrix", {"include": [{}]}), context)
    assert set(matrix) == {"include"}, f"this stand-in takes a matrix of rows alone, and there is {sorted(matrix)}"
    yield from matrix["include"]


def _words(needs: str | Sequence[str]) -> Sequence[str]:
    return [needs] if isinstance(needs, str) else needs
