"""The command line."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from gpu_runner.errors import RunnerError
from gpu_runner.jobs import jit_path
from gpu_runner.prove import Options, World, prove
from gpu_runner.sanitizer import TOOLS, choose_tools
from gpu_runner.watch import Limits

STOPPED = 130
"""What a program ends with that was interrupted, as in a shell."""


def main(arguments: Sequence[str] | None = None, world: World | None = None) -> int:
    """Return 0 where every report proves its wheel, 1 where one does not, 2 where the suite could not be run."""
    parsed = make_parser().parse_args(arguments)
    world = world or World(os.environ, _say)
    try:
        options = plan_options(parsed)
        wheels = [wheel for wheel in parsed.wheels if jit_path(wheel) is None] or parsed.wheels
        reports = [prove(wheel, options, world) for wheel in wheels]
    except RunnerError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a program of its own
        return 2
    except KeyboardInterrupt:
        print("stopped; --resume goes on behind what has been done", file=sys.stderr)  # noqa: T201
        return STOPPED
    return 1 if any(report.lacks() for report in reports) else 0


def _say(text: str) -> None:
    """Print a line, whole: jobs that run side by side all do."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def plan_options(parsed: argparse.Namespace) -> Options:
    """Return the options in their types, out of the words."""
    return Options(
        suite=parsed.suite,
        jit=parsed.jit,
        jobs=parsed.jobs,
        tools=choose_tools(parsed.tools),
        limits=Limits(parsed.limit, parsed.start_limit),
        resume=parsed.resume,
    )


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="gpu_runner", description="Run the GPU suite on finished wheels.")
    parser.add_argument("wheels", nargs="+", type=Path)
    parser.add_argument(
        "--jit", action="append", type=Path, help="a JIT lane's wheel, in place of those beside a wheel"
    )
    parser.add_argument("--suite", type=Path, default=Path("tests/gpu"))
    parser.add_argument("--jobs", type=_count, help="how many paths run at once; as many as fit where none is given")
    parser.add_argument("--tools", default=",".join(TOOLS), help="sanitizers, with commas between them, or none")
    parser.add_argument("--limit", type=float, default=Limits.test, help="seconds that one test may take")
    parser.add_argument(
        "--start-limit", type=float, default=Limits.start, help="seconds for the start, the end and between two tests"
    )
    parser.add_argument("--resume", action="store_true", help="go on behind what an earlier attempt has done")
    return parser


def _count(word: str) -> int:
    if not word.isdigit() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is no number of jobs: expected 1 or more")
    return int(word)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it, too, ends every process first
    sys.exit(main())
