"""Stands in for the machine that the cells of a table of compatibility are made on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wheelworks.process import Completed

CASES = '<testcase name="{name}[rmsnorm]" time="1"/><testcase name="test_b" time="0.5"/>'
OPCHECK = CASES.format(name="test_an_operator_passes_opcheck")
FAILURE = '<testcase name="test_bad"><failure/></testcase>'
NO_INTERPRETER = (2, "error: Request failed\n  cause: Failed to download `https://a.example/b`\n  cause: dns error\n")


class Machine:
    """Stands in for uv, the environments that it makes and what runs there; ``say`` changes an answer."""

    def __init__(self, operators: Sequence[str], **say: Any) -> None:
        self.probe = {"python": "3.12.1", "torch": "2.10.0+cu128", "version": "0.1.0+cu130", "operators": operators}
        self.say: dict[str, Any] = {"cases": OPCHECK, **say}
        self.commands: list[tuple[str, ...]] = []
        self.calls: list[Mapping[str, Any]] = []
        self.torch = ""

    def __call__(self, command: Sequence[str | Path], **options: Any) -> Completed:
        words = tuple(map(str, command))
        self.commands.append(words)
        self.calls.append(options)
        answer = self.say.get(self.step(words), (0, ""))
        return Completed(words, *(answer(words) if callable(answer) else answer))

    def step(self, words: tuple[str, ...]) -> str:
        if "pytest" in words and "-m" in words:
            self._write_results(words)
            return "suite"
        if any(word.endswith("probe.py") for word in words):
            probe = {**self.probe, "torch": f"{self.torch}+cu128", **self.say.get("probe", {})}
            self.say["answer"] = (0, f"a warning\n{json.dumps(probe)}\n")
            return "import" if "import" in self.say else "answer"
        if "--target" in words:
            return "fetch"
        if "venv" in words:
            return "venv"
        self.torch = next(word for word in words if word.startswith("torch==")).removeprefix("torch==")
        return "wheel" if any(word.endswith(".whl") for word in words) else "torch"

    def _write_results(self, words: tuple[str, ...]) -> None:
        path = next(word for word in words if word.startswith("--junitxml=")).removeprefix("--junitxml=")
        if self.say["cases"] is not None:
            Path(path).write_text(f"<testsuites><testsuite>{self.say['cases']}</testsuite></testsuites>", "utf-8")
