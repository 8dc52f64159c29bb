"""Versioned JSON documents that may come from anywhere: bounded, without repeated keys, parsed once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from wheelworks.errors import ManifestError

LARGEST = 64 << 20
Document = TypeVar("Document", bound=BaseModel)


def read_document(path: Path, model: type[Document]) -> Document:
    """Read a document; whatever is wrong with it is a ManifestError."""
    try:
        if path.is_symlink():
            raise _refused(path.name, "it is a symbolic link")
        if (size := path.stat().st_size) > LARGEST:
            raise _refused(path.name, f"it has {size} bytes, more than the {LARGEST} that it may have")
        return parse_document(path.read_bytes(), model, name=path.name)
    except OSError as error:
        raise _refused(path.name, error.strerror or str(error)) from error


def parse_document(data: bytes, model: type[Document], *, name: str) -> Document:
    """Parse a document's bytes."""
    try:
        json.loads(data, object_pairs_hook=_refuse_repeated, parse_constant=_refuse_constant)
        return model.model_validate_json(data)
    except ValidationError as error:
        shown = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:10])
        raise _refused(name, shown) from error
    except (ValueError, RecursionError) as error:
        raise _refused(name, str(error)) from error


def _refuse_repeated(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Refuse what two readers could read in two ways: RFC 8259 leaves open which of two equal keys counts."""
    table: dict[str, object] = {}
    for key, value in pairs:
        if key in table:
            raise ValueError(f"the key {key[:80]!r} stands there twice")
        table[key] = value
    return table


def _refuse_constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def _refused(name: str, why: str) -> ManifestError:
    return ManifestError(f"{name} is refused", why=why, fix="make it again with `nox -s manifest`")
