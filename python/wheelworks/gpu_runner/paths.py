"""One job from its start to its result: the whole suite on a path, or the marked tests under a tool."""

from __future__ import annotations

from functools import partial

from gpu_runner.jobs import Job
from gpu_runner.journal import Event, machine_of, read_events
from gpu_runner.results import Result, Run, SanitizerRun, count
from gpu_runner.sanitizer import MARKER, MEMCHECK, PLACES
from gpu_runner.suite import Bench, run_suite
from gpu_runner.watch import Guard


def run_path(job: Job, bench: Bench, guard: Guard) -> tuple[Run, Event]:
    """Run the suite on a path; give what it said, and what it ran on."""
    fault = run_suite(job, bench, guard)
    events = read_events(bench.journal(job))
    machine = machine_of(events)
    run = Run(
        wheel=job.wheel.name, sha256=job.sha256, path=job.forced or machine.get("sm", "none"), fault=fault,
        forced=job.forced is not None, commit=job.commit, **count(events),
    )  # fmt: skip
    _tell(run, job, bench, guard)
    if not run.passed and (verdict := machine.get("verdict", "the suite did not start")):
        guard.say(f"  {verdict}")
    return run, machine


def run_sanitized(job: Job, path: str, bench: Bench, guard: Guard) -> SanitizerRun:
    """Run the marked tests under a tool, unless an earlier attempt has; give what both said."""
    make = partial(SanitizerRun, wheel=job.wheel.name, sha256=job.sha256, path=path, tool=job.tool or "")
    if bench.sanitizer is None:
        run = make(not_run=f"no compute-sanitizer {PLACES}; a CUDA toolkit has it")
    elif (kept := _kept(job, bench, make)) is not None:
        run = kept
    else:
        run = _run_anew(job, bench, guard, make)
    _tell(run, job, bench, guard)
    return run


def _kept(job: Job, bench: Bench, make: partial[SanitizerRun]) -> SanitizerRun | None:
    """Return the result of an earlier attempt if it is whole and good: a tool's findings stand at its end alone."""
    journal = bench.journal(job)
    events = read_events(journal) if journal.exists() else []
    if [event["status"] for event in events if event["event"] == "sanitized"] != [0]:
        return None
    run = _judge(events, "", make)
    return run if run.ok else None


def _run_anew(job: Job, bench: Bench, guard: Guard, make: partial[SanitizerRun]) -> SanitizerRun:
    for old in (bench.journal(job), bench.log(job)):
        old.unlink(missing_ok=True)
    fault = run_suite(job, bench, guard)
    events = read_events(bench.journal(job))
    began = any(event["event"] == "start" for event in events)
    if not began and not fault:
        return make(fault=f"no test of the suite has the marker {MARKER}")
    found = any(event["shown"] for event in events if event["event"] == "sanitized")
    if not began and not found and job.tool != MEMCHECK:
        return make(not_run=f"{job.tool} cannot run here, no test began under it: {' / '.join(fault.splitlines())}")
    return _judge(events, fault, make)


def _judge(events: list[Event], fault: str, make: partial[SanitizerRun]) -> SanitizerRun:
    """Return the result of a run; a process that came to no summary may have had errors."""
    found = [event["errors"] for event in events if event["event"] == "sanitized"]
    counts = count(events)
    if None in found and not (fault or counts["crashed"] or counts["hung"]):
        fault = "compute-sanitizer came to no summary"
    return make(errors=sum(errors or 0 for errors in found), fault=fault, **counts)


def _tell(result: Result, job: Job, bench: Bench, guard: Guard) -> None:
    """Print a result, and where one that is not good is to be read up."""
    missing = isinstance(result, SanitizerRun) and result.not_run
    more = "" if result.ok or missing else f"\n  its output: {bench.log(job)}"
    guard.say(f"{result}{more}")
