"""Pins: digests of images, written into matrix.toml without touching anything else there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit

from wheelworks.matrix import Matrix
from wheelworks.matrix_rows import Image


def images_of(matrix: Matrix) -> tuple[Image, ...]:
    """Return every image that the matrix names, each name once."""
    images = [base.image for base in matrix.bases.values()]
    images += [toolkit.image for toolkit in matrix.toolkits.values() if toolkit.image is not None]
    return tuple({image.name: image for image in images}.values())


def write_pins(text: str, digests: Mapping[str, str]) -> str:
    """Return matrix.toml's text with these digests, by the names of the images; comments and order stay."""
    document = tomlkit.parse(text)
    for table in _image_tables(document):
        if digest := digests.get(table["name"]):
            table["digest"] = digest
    return tomlkit.dumps(document)


def _image_tables(document: Any) -> Iterator[Any]:
    for section in ("bases", "toolkits"):
        for row in document[section].values():
            if "image" in row:
                yield row["image"]
