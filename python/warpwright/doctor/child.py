"""The child process that imports what users import, and what is read from it however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from warpwright import _program
from warpwright.doctor import installed
from warpwright.doctor.facts import Driver, End, Gpu, Runtime, Seen, Told, Torch
from warpwright.doctor.machine import RUNTIME

TIME_LIMIT = 120.0
"""Seconds: a first import of torch from a slow file system takes a minute."""

PATIENCE = 5.0
"""Seconds for the output of a child that was killed; one that hangs in the kernel is left behind."""

PROBE = "--probe"
EXIT = "exit"
"""The name under which the last line begins, after every step."""

LAST_WORDS = 20


@dataclass(frozen=True)
class Output:
    """What a child process has written, and its status; None where it ran past the time limit."""

    lines: str
    words: str
    status: int | None


def command(argv: Sequence[str], orig_argv: Sequence[str], executable: str) -> list[str]:
    """Return the command of the child: this one with the same options, so that it sees the same path.

    ``argv`` are the program's arguments as the interpreter set them, its own name first.
    """
    position = len(orig_argv) - len(argv)
    if _program.is_the_program(["-m", *argv[1:]], orig_argv):
        return [executable, *orig_argv[1 : position + 1], PROBE]
    return [executable, "-m", "warpwright", PROBE]


def ask(time_limit: float) -> Seen:
    """Run the child and return what it has seen."""
    try:
        output = _run(command(sys.argv, sys.orig_argv, sys.executable), time_limit)
    except OSError as error:
        return Seen(end=End("start", f"could not be started: {error}", ""))
    return read(output, time_limit)


def _run(words: Sequence[str], time_limit: float) -> Output:
    """Run a process in a group of its own, which is killed as a whole where it takes too long."""
    child = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        out, err = child.communicate(timeout=time_limit)
    except subprocess.TimeoutExpired:
        status = child.poll()  # it may have ended, and left behind a process that keeps its output open
        out, err = _end(child)
        return Output(_text(out), _text(err), status)
    except BaseException:  # such as Ctrl-C, which a child in a group of its own does not get
        _end(child)
        raise
    return Output(_text(out), _text(err), child.returncode)


def _end(child: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    try:
        return child.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        return error.stdout or b"", error.stderr or b""


def _text(written: bytes) -> str:
    return written.decode("utf-8", "backslashreplace")


def read(output: Output, time_limit: float) -> Seen:
    """Read what a child has written, line by line; lines that are not its own are passed over."""
    begun = "start"
    seen: dict[str, Any] = {}
    told: list[dict[str, str]] = []
    for line in _lines(output.lines):
        begun = str(line.get("begin", begun))
        seen.update(line.get("seen") or {})
        told += [*(line.get("seen") or {}).get("told", []), *([line["told"]] if "told" in line else [])]
    return Seen(
        torch=Torch(**seen["torch"]) if seen.get("torch") else None,
        library=seen.get("library"),
        version=seen.get("version"),
        paths={name: tuple(sms) for name, sms in seen["paths"].items()} if "paths" in seen else None,
        driver=Driver(**seen["driver"]) if "driver" in seen else None,
        gpus=tuple(Gpu(**gpu) for gpu in seen.get("gpus", ())),
        runtimes=tuple(_runtime(path) for path in seen.get("runtimes", ())),
        told=tuple(dict.fromkeys(Told(**each) for each in told)),
        end=_how_it_ended(output, begun, time_limit),
    )


def _lines(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict) and ("begin" in found or "step" in found):
                yield found


def _runtime(path: str) -> Runtime:
    found = RUNTIME.search(path)
    return Runtime(path, int(found[1]) if found else 0, installed.owner_of(path))


def _how_it_ended(output: Output, begun: str, time_limit: float) -> End | None:
    if output.status == 0 and begun == EXIT:
        return None
    words = "\n".join(output.words.splitlines()[-LAST_WORDS:])
    if output.status is None:
        return End(begun, f"took longer than {time_limit:g} seconds", words)
    if output.status < 0:
        return End(begun, f"was ended by signal {-output.status} ({_signal_name(-output.status)})", words)
    return End(begun, f"ended with status {output.status}", words)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
