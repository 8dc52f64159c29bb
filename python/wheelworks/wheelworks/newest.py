"""The released wheel with the newest torch: what users get tomorrow, tested before they tell of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from uv import find_uv_bin

from wheelworks.errors import WheelTestError
from wheelworks.process import Completed, Runner

PROJECT = "warpwright"
VERSIONS = "from importlib.metadata import version as v; print(f\"warpwright {v('warpwright')}, torch {v('torch')}\")"


def check_released(
    index: str,
    suite: Path,
    *,
    torch_index: str | None = None,
    run: Runner,
    on_line: Callable[[str], None] | None = None,
) -> str:
    """Install from an index with the newest torch into a new environment, run a suite there; give both versions.

    With ``torch_index``, torch comes from there, pre-releases too.
    """
    early = () if torch_index is None else ("--index", torch_index, "--prerelease", "allow")
    with TemporaryDirectory(prefix="wheelworks-") as scratch:
        venv, empty = Path(scratch) / "venv", Path(scratch) / "empty"
        empty.mkdir()
        interpreter = venv / "bin" / "python"
        uv = find_uv_bin()
        wanted = ("--index", index, *early, PROJECT, "torch", "pytest", "numpy")
        _check(run((uv, "venv", "--quiet", venv), on_line=on_line), "uv cannot make an environment")
        install = (uv, "pip", "install", "--quiet", "--python", interpreter, "--no-build", *wanted)
        _check(run(install, on_line=on_line), f"{PROJECT} of {index} cannot be installed with the newest torch")
        versions = _check(run((interpreter, "-c", VERSIONS)), "the environment is broken").output.strip()
        pytest = (interpreter, "-m", "pytest", suite.resolve(), "-q", "-p", "no:cacheprovider", f"--rootdir={suite}")
        done = run(pytest, cwd=empty, on_line=on_line)
        _check(done, f"{versions}: the released wheel does not pass {suite}")
        return versions


def _check(done: Completed, what: str) -> Completed:
    if not done.ok:
        why = f"{done.command_line} ended with {done.returncode}:\n{done.last_lines()}"
        fix = "release a wheel that does, or yank this one with the reason: `nox -s yank -- FILE --reason WHY`"
        raise WheelTestError(what, why=why, fix=fix)
    return done
