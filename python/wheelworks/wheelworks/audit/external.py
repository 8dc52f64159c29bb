"""The border to other auditors: programs of this Python's environment whose answer is JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from wheelworks.errors import AuditError
from wheelworks.process import Completed, Runner, closed_environment

Answer = TypeVar("Answer", bound=BaseModel)
TIME_LIMIT = 1800.0


def ask_module(run: Runner, module: str, arguments: Sequence[str | Path], **settings: str) -> Completed:
    """Run ``python -m module``: the version that this environment has, whatever PATH says, with variables set."""
    command = [sys.executable, "-m", module, *arguments]
    return run(command, env=closed_environment(**settings), timeout=TIME_LIMIT)


def parse_answer(model: type[Answer], text: str, done: Completed) -> Answer:
    """Parse a JSON answer strictly enough to rely on it; anything else is an AuditError with the program's words."""
    try:
        return model.model_validate(json.loads(text))
    except (ValidationError, json.JSONDecodeError) as error:
        raise failed(done, f"its answer is not what was expected: {error}") from error


def failed(done: Completed, why: str) -> AuditError:
    """Return the error for a check by ``ask_module`` that could not be made."""
    return AuditError(
        f"{done.command[2]} gave no verdict",
        why=f"{why}; it ended with {done.returncode}:\n{done.last_lines()}",
        fix="run the command by hand; if it fails there too, update the program that it names",
    )
