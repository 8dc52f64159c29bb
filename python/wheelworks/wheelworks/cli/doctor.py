"""``doctor``: what this machine brings to a build, and whether every byte that builds rest on is as it was made."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from wheelworks import files
from wheelworks.ccache import find_ccache
from wheelworks.cli.app import app, show, the_store
from wheelworks.environment import close, describe
from wheelworks.errors import WheelworksError
from wheelworks.host_compiler import find_host_compiler
from wheelworks.process import run
from wheelworks.provenance import find_origin
from wheelworks.settings import parallel_jobs, require_plain, require_scratch

Answer = Callable[[], str]


@app.command
def doctor() -> None:
    """Look at this machine, this checkout and the whole store, and say what keeps a build from running.

    Every byte of the store is read. What is damaged is only named here: the next build that uses it makes it anew. The
    exit status is 1 where something is amiss.
    """
    good = [_ask(what, answer) for what, answer in _questions()]
    for name, found in the_store().examine():
        good.append(not found)
        show(f"{name:<44}{'whole' if not found else f'damaged: {found[0]}, {len(found)} in all'}")
    if not all(good):
        sys.exit(1)


def _ask(what: str, answer: Answer) -> bool:
    """Show an answer, or the error that stands in its place; return whether it is an answer."""
    try:
        show(f"{what:<12}{answer()}")
    except WheelworksError as error:
        show(f"{what:<12}{error}")
        return False
    return True


def _questions() -> Iterator[tuple[str, Answer]]:
    yield "checkout", lambda: _folder("the checkout", Path.cwd())
    yield "commit", lambda: (origin := find_origin(Path.cwd(), run)).sentence or str(origin.name)
    yield "variables", lambda: describe(close(os.environ).removed) or "none that a build would read and does not get"
    yield "compiler", lambda: " ".join(map(str, vars(find_host_compiler(os.environ, run)).values()))
    yield "ccache", _ccache
    yield "jobs", lambda: str(parallel_jobs(os.environ))
    yield "scratch", _scratch
    yield "store", lambda: _folder("the cache", files.cache_folder(os.environ))


def _folder(what: str, folder: Path) -> str:
    require_plain(what, folder)
    return str(folder)


def _scratch() -> str:
    require_scratch(os.environ)
    return tempfile.gettempdir()


def _ccache() -> str:
    found = find_ccache(os.environ, run)
    if found is None:
        return "none of 4.7 or newer: every unit is compiled anew, minutes instead of seconds"
    return f"{found.path} {found.version}, {found.place.get('CCACHE_DIR', '')}"
