"""What the wheel was built from and for: the file ``_build.json``, which CMake wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

from warpwright._refusal import REINSTALL, refuse

FILE = Path(__file__).parent / "_build.json"
SCHEMA = 1


@dataclass(frozen=True)
class BuildRecord:
    """The keys of the record."""

    version: str
    lane: str
    cuda: str
    nvcc: str
    build_type: str
    sm_set: tuple[str, ...]
    cutlass: str
    flashinfer: str


def read(file: Path) -> BuildRecord:
    """Read a build's record; an ImportError says what is wrong with it."""
    try:
        return _parse(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        wrong = "is missing"
    except OSError as error:
        wrong = f"cannot be read ({error.strerror})"
    except RecursionError:
        wrong = "is not JSON"
    except ValueError as error:
        wrong = (
            f"is not JSON ({error})" if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)) else str(error)
        )
    raise refuse("build-record", f"warpwright: {file} {wrong}: the installation is damaged; {REINSTALL}")


def _parse(record: object) -> BuildRecord:
    if not isinstance(record, dict):
        raise ValueError(f"holds a {type(record).__name__}, expected an object")
    if record.get("schema") != SCHEMA:
        raise ValueError(f"has schema {record.get('schema')}, expected {SCHEMA}")
    known = {field.name for field in fields(BuildRecord)}
    if missing := sorted(known - record.keys()):
        raise ValueError(f"lacks {', '.join(missing)}")
    if unknown := sorted(record.keys() - known - {"schema"}):
        raise ValueError(f"has unknown keys: {', '.join(unknown)}")
    sms = record["sm_set"]
    if not isinstance(sms, list) or not all(isinstance(value, str) for value in sms):
        raise ValueError(f"has {sms!r} as sm_set, expected a list of texts")
    if wrong := [name for name in sorted(known - {"sm_set"}) if not isinstance(record[name], str)]:
        raise ValueError(f"has {record[wrong[0]]!r} as {wrong[0]}, expected a text")
    return BuildRecord(sm_set=tuple(sms), **{name: record[name] for name in known - {"sm_set"}})
