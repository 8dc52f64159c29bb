"""The journal of a job: one line of JSON for each event, kept so that a killed run can be resumed.

``machine``    what the tests run on, once for each process
``collected``  how many tests this process is to run, and how many earlier ones have done
``start``      a test begins
``phase``      what became of a test's call, or of its setup or teardown where that did not pass
``finish``     a test is over
``lost``       a test took its process with it: it crashed it, or hung until the runner stopped it
``sanitized``  what the tool under which a process ran has found, and the status that it ended with
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

Event = dict[str, Any]


def write_event(journal: Path, event: Event) -> None:
    """Append an event; it is on the disk before anything else happens."""
    with journal.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(event) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def read_events(journal: Path) -> list[Event]:
    """Read all events; a line that a killed process left half-written does not count."""
    return _parse(journal.read_text(encoding="utf-8"))


def _parse(text: str) -> list[Event]:
    events = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            events.append(json.loads(line))
    return events


class Tail:
    """The events that are new in a journal, beginning with those that are not there yet."""

    def __init__(self, journal: Path) -> None:
        self._journal, self._read = journal, journal.stat().st_size

    def new(self) -> list[Event]:
        """Return the events since the last call; a line that is being written is left for the next one."""
        with self._journal.open("rb") as stream:
            stream.seek(self._read)
            whole, newline, _ = stream.read().rpartition(b"\n")
        self._read += len(whole + newline)
        return _parse(whole.decode("utf-8"))


def over(events: list[Event]) -> set[str]:
    """Return the tests that need not run again."""
    return {event["test"] for event in events if event["event"] in ("finish", "lost")}


def at_work(events: list[Event]) -> str | None:
    """Name the test that has started and is not over."""
    started = [event["test"] for event in events if event["event"] == "start"]
    return started[-1] if started and started[-1] not in over(events) else None


def machine_of(events: list[Event]) -> Event:
    """Return what the last process ran on."""
    found: Event = next((event for event in reversed(events) if event["event"] == "machine"), {})
    return {key: value for key, value in found.items() if key != "event"}
