"""The last accepted bill of each lane, kept in the repository, and what has grown since."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from wheelworks import files
from wheelworks.bill.model import Bill, Part, Row, sum_rows
from wheelworks.errors import AuditError


class AcceptedBill(Part):
    """The sums of a bill that was accepted, and the size of its wheel."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    lane: str
    version: str
    wheel_bytes: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Growth:
    """A row that is larger than it was; a new one was of 0 bytes."""

    row: Row
    before: int

    @property
    def bytes(self) -> int:
        """The bytes that came."""
        return self.row.bytes - self.before

    def __str__(self) -> str:
        row = self.row
        return f"{row.operator or 'no operator'} {row.name} SM {row.sm} from {self.before} to {row.bytes} bytes"


def accepted_path(folder: Path, lane: str) -> Path:
    """Return the place of a lane's accepted bill."""
    return folder / f"{lane}.json"


def read_accepted(folder: Path, lane: str) -> AcceptedBill | None:
    """Read a lane's accepted bill; None where none was accepted yet."""
    path = accepted_path(folder, lane)
    if not path.exists():
        return None
    try:
        return AcceptedBill.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        fix = "renew it with `nox -s bill -- --accept WHEEL`"
        raise AuditError(f"{path} is no accepted bill", why=str(error), fix=fix) from error


def write_accepted(folder: Path, bill: Bill, wheel_bytes: int) -> Path:
    """Accept a bill: later ones are held against it."""
    accepted = AcceptedBill(lane=bill.lane, version=bill.version, wheel_bytes=wheel_bytes, rows=sum_rows(bill))
    path = accepted_path(folder, bill.lane)
    files.write_text(path, accepted.model_dump_json(by_alias=True, indent=2) + "\n")
    return path


def find_growth(bill: Bill, accepted: AcceptedBill | None, sm: str | None = None) -> tuple[Growth, ...]:
    """Return the rows that grew, of one SM or of all, the largest growth first."""
    before = {(row.operator, row.name, row.sm): row.bytes for row in (accepted.rows if accepted else ())}
    rows = (row for row in sum_rows(bill) if sm in (None, row.sm))
    grown = [Growth(row, before.get((row.operator, row.name, row.sm), 0)) for row in rows]
    return tuple(sorted((each for each in grown if each.bytes > 0), key=lambda each: (-each.bytes, str(each))))
