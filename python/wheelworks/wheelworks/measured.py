"""Measured times of an operator: docs/performance/<op>.json, as the benchmark writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from wheelworks.errors import PagesError

OURS = "ours"
Microseconds = Annotated[float, Field(gt=0)]


class Row(BaseModel):
    """One workload: the least time that the machine needs for it, and what it took, by who did it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workload: str
    bytes: int
    operations: int
    floor: Microseconds
    us: dict[str, Microseconds]

    @field_validator("us")
    @classmethod
    def _has_ours(cls, us: dict[str, float]) -> dict[str, float]:
        if OURS not in us:
            raise ValueError(f"has no time of {OURS!r}")
        return us

    @property
    def ours(self) -> float:
        """The operator's own time."""
        return self.us[OURS]


class Measured(BaseModel):
    """What one run of the benchmark gave."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal[2] = Field(alias="schema")
    device: str
    torch: str
    date: str
    version: str
    operator: str
    rows: tuple[Row, ...]

    @property
    def peers(self) -> tuple[str, ...]:
        """Who else was timed, in the order of the rows."""
        return tuple(dict.fromkeys(peer for row in self.rows for peer in row.us if peer != OURS))


def read_measured(folder: Path, operator: str) -> Measured | None:
    """Return the times of an operator; None where there are none, or only some of the form before schema 2."""
    path = folder / f"{operator}.json"
    if not path.is_file():
        return None
    fix = f"measure it again: `nox -s bench -- -k {operator}`"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(document, dict) and "schema" not in document:
            return None
        measured = Measured.model_validate(document)
    except (ValidationError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise PagesError(f"{path} cannot be read", why=str(error), fix=fix) from error
    if measured.operator != operator:
        raise PagesError(f"{path} is of another operator", why=f"it says {measured.operator!r}", fix=fix)
    return measured
