"""The accepted table of each lane, kept in the repository: the README's is made from it."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from wheelworks import files
from wheelworks.compat.model import Compat
from wheelworks.errors import CompatError


def read_accepted_table(folder: Path, lane: str) -> Compat | None:
    """Read a lane's accepted table; None where none was accepted yet."""
    path = folder / f"{lane}.json"
    if not path.exists():
        return None
    try:
        return Compat.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        fix = "renew it with `nox -s compat -- --accept WHEEL`"
        raise CompatError(f"{path} is no table of compatibility", why=str(error), fix=fix) from error


def write_accepted_table(folder: Path, table: Compat) -> Path:
    """Accept a table."""
    path = folder / f"{table.lane}.json"
    files.write_text(path, table.model_dump_json(by_alias=True, indent=2) + "\n")
    return path
