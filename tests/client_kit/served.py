"""An index with what it was made from and the server that serves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from client_kit.nginx import Nginx, running
from release_maker import NOTICES
from wheelworks.index import CURRENT, Catalogue
from wheelworks.index.catalogue import FOLDER, read_catalogue

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Served:
    """An index, what it was made from, and the server."""

    catalogue: Catalogue
    nginx: Nginx
    folder: Path


@contextmanager
def serving(folder: Path, dependencies: Path, scratch: Path) -> Iterator[Served]:
    """Serve the index in a folder until the block ends."""
    catalogue = read_catalogue(folder / CURRENT / FOLDER, NOTICES)
    assert catalogue.manifests, f"{folder} has no index: make one by `nox -s index`"
    with running(folder / CURRENT, dependencies, scratch) as nginx:
        yield Served(catalogue, nginx, folder)
