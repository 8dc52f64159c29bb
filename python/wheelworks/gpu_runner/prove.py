"""All that is run for a wheel: every path side by side, then every tool on every path, in one report."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from gpu_runner import machine
from gpu_runner.jobs import plan_jobs
from gpu_runner.paths import run_path, run_sanitized
from gpu_runner.pool import Given, side_by_side
from gpu_runner.report import Report, write_report
from gpu_runner.sanitizer import CUDA, SLOWER, TOOLS, find_sanitizer
from gpu_runner.suite import Bench, install
from gpu_runner.watch import Clock, Guard, Limits


@dataclass(frozen=True)
class Options:
    """What the caller has chosen; ``jobs`` is None for as many as fit, ``jit`` for the wheels beside a wheel."""

    suite: Path
    jit: Sequence[Path] | None = None
    jobs: int | None = None
    tools: Sequence[str] = TOOLS
    limits: Limits = field(default_factory=Limits)
    resume: bool = False


@dataclass(frozen=True)
class World:
    """What the runner takes from outside of itself, for a test to replace."""

    environ: Mapping[str, str]
    say: Callable[[str], None]
    clock: Clock = field(default_factory=Clock)
    stop: threading.Event = field(default_factory=threading.Event)
    cuda: Path = CUDA

    def guard(self, limits: Limits) -> Guard:
        """Return what ends a process before its time."""
        return Guard(limits, self.clock, self.stop, self.say)


def prove(wheel: Path, options: Options, world: World) -> Report:
    """Run all that is to be run for a wheel, and write its report."""
    jobs = plan_jobs(wheel, options.jit)
    folder = wheel.parent / "proofs" / wheel.stem
    with _bench(folder / "gpu-journals", len(jobs), options, world) as bench:
        side_by_side([partial(install, job, bench) for job in jobs], machine.cpus(), world.stop)
        guard = world.guard(options.limits)
        paths = _run("paths", [partial(run_path, job, bench, guard) for job in jobs], options, world)
        slow = world.guard(options.limits.times(SLOWER))
        sanitized = [
            partial(run_sanitized, replace(job, tool=tool), run.path, bench, slow)
            for tool in options.tools
            for job, (run, _) in zip(jobs, paths, strict=True)
        ]
        sanitizers = _run("runs under sanitizers", sanitized, options, world)
    found = next((found for _, found in paths if found), machine.UNKNOWN)
    found = {**found, "driver": machine.driver(world.environ)}
    report = Report(wheel.name, jobs[0].sha256, found, [run for run, _ in paths], sanitizers)
    write_report(folder / "gpu.json", report)
    world.say(str(report))
    return report


def _run(what: str, tasks: Sequence[Callable[[], Given]], options: Options, world: World) -> list[Given]:
    """Run tasks side by side: as many as the caller has said, else as fit on the machine as it is now."""
    if not tasks:
        return []
    at_once = _at_once(len(tasks), options, world)
    world.say(f"{what}: {len(tasks)}, {at_once} at once")
    return side_by_side(tasks, at_once, world.stop)


def _at_once(tasks: int, options: Options, world: World) -> int:
    if options.jobs:
        return min(options.jobs, tasks)
    return machine.fitting(tasks, machine.cpus(), machine.free_memory(world.environ))


@contextlib.contextmanager
def _bench(journals: Path, jobs: int, options: Options, world: World) -> Iterator[Bench]:
    """Return the place that jobs run in; the pipe in it closes with this process, which is how theirs know its end."""
    journals.mkdir(parents=True, exist_ok=True)
    if not options.resume:
        for old in (*journals.glob("*.jsonl"), *journals.glob("*.log")):
            old.unlink()
    with TemporaryDirectory(prefix="gpu-runner-") as folder, _open_pipe(Path(folder, "alive")) as alive:
        sanitizer = find_sanitizer(world.environ, world.cuda)
        environ = machine.thread_share(_at_once(jobs, options, world), machine.cpus()) | dict(world.environ)
        yield Bench(options.suite.resolve(), journals, Path(folder), alive, environ, sanitizer)


@contextlib.contextmanager
def _open_pipe(path: Path) -> Iterator[Path]:
    os.mkfifo(path)
    pipe = os.open(path, os.O_RDWR)  # for writing alone it would wait for a reader
    try:
        yield path
    finally:
        os.close(pipe)
