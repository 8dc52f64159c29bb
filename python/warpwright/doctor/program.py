"""The program `python -m warpwright`: its options, its output and its exit status. It ends by no exception."""

from __future__ import annotations

import contextlib
import difflib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from warpwright import bill
from warpwright._refusal import REINSTALL, one_line
from warpwright.doctor import causes, child, document, look, report

RUNS, RUNS_NOT, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

USAGE = f"""usage: python -m warpwright [--json | --kernels] [--time-limit SECONDS]

What this wheel holds, what this machine has, and whether the two fit: the last line says what is wrong and what mends
it. An import of torch and of warpwright is tried in a child process, so that nothing that fails there ends the report.

  --json                 the whole report as one JSON document
  --kernels              every kernel in the wheel instead
  --time-limit SECONDS   how long the child process may take; {child.TIME_LIMIT:g} where it is not said
  --help                 this text

exit status: 0 where CUDA operators can run, 1 where they cannot or the installation is damaged, 2 for wrong usage
"""

OPTIONS = ("--help", "--json", "--kernels", "--time-limit")


class UsageError(Exception):
    """The arguments are wrong."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for."""

    help: bool = False
    json: bool = False
    kernels: bool = False
    time_limit: float = child.TIME_LIMIT


def main(arguments: Sequence[str], path: Sequence[str]) -> int:
    """Run the program and return its exit status; ``path`` is the interpreter's, as its user has it."""
    try:
        if list(arguments) == [child.PROBE]:
            return _probe(path)
        return _run(parse(arguments), path)
    except UsageError as error:
        _write(sys.stderr, f"python -m warpwright: {error}; `python -m warpwright --help` lists the options\n")
        return WRONG_USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a traceback would tell the user nothing
        _write(sys.stderr, f"python -m warpwright: the doctor failed, {one_line(error)}: report it, or {REINSTALL}\n")
        return RUNS_NOT


def _probe(path: Sequence[str]) -> int:
    from warpwright.doctor import probe

    sys.path[:] = path  # what is imported from here on is what users import
    return probe.main()


def parse(arguments: Sequence[str]) -> Wanted:
    """Read the program's arguments."""
    words, found = list(arguments), Wanted()
    given: dict[str, bool | float] = {}
    while words:
        word, _, value = words.pop(0).partition("=")
        if word not in (*OPTIONS, "-h"):
            raise UsageError(_unknown(word))
        if word == "--time-limit":
            given["time_limit"] = _seconds(value or (words.pop(0) if words else ""))
        else:
            given[{"-h": "help"}.get(word, word.lstrip("-"))] = True
    found = Wanted(**given)  # type: ignore[arg-type]
    if found.json and found.kernels:
        raise UsageError("--json and --kernels are two reports: ask for one of them")
    return found


def _unknown(word: str) -> str:
    near = difflib.get_close_matches(word, OPTIONS, n=1, cutoff=0.5)
    return f"there is no option {word!r}" + (f", the nearest is {near[0]}" if near else "")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86400:
        raise UsageError(f"--time-limit is {text!r}, expected seconds, more than 0 and at most 86400")
    return seconds


def _run(wanted: Wanted, path: Sequence[str]) -> int:
    if wanted.help:
        _write(sys.stdout, USAGE)
        return RUNS
    if wanted.kernels:
        return _kernels()
    facts = look.look(path, os.environ, wanted.time_limit)
    found, odd = causes.causes(facts), causes.notes(facts)
    if wanted.json:
        _write(sys.stdout, document.text(facts, found, odd) + "\n")
    else:
        _write(sys.stdout, "".join(f"{_one_line(line)}\n" for line in report.lines(facts, found, odd)))
    return RUNS_NOT if found else RUNS


def _one_line(line: str) -> str:
    """Escape the line breaks of a path or a variable: the verdict is the last line."""
    return line.replace("\r", "\\r").replace("\n", "\\n")


def _kernels() -> int:
    try:
        _write(sys.stdout, "\n".join(bill.kernel_lines()) + "\n")
    except bill.BillError as error:
        _write(sys.stderr, f"{error}\n")
        return RUNS_NOT
    return RUNS


def _write(stream: object, text: str) -> None:
    """Write text to a stream that may be missing, closed or full, or unable to encode it."""
    descriptor, encoding = _descriptor(stream), getattr(stream, "encoding", None) or "utf-8"
    if descriptor is None:
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.write(text)  # type: ignore[attr-defined]
        return
    rest = text.encode(encoding, "backslashreplace")
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):  # such as `| head -1`, which has enough
            _write(sys.stderr, f"python -m warpwright: the report cannot be written: {error.strerror}\n")


def _descriptor(stream: object) -> int | None:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return int(stream.fileno())  # type: ignore[attr-defined]
    return None
