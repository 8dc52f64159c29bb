"""The report as one JSON document."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from warpwright.doctor.causes import Cause, verdict
from warpwright.doctor.facts import Facts, Gpu, Torch
from warpwright.doctor.report import version_of
from warpwright.doctor.sm_path import FORCED, chosen_path

SCHEMA = 1


def text(facts: Facts, causes: tuple[Cause, ...], notes: Sequence[Cause]) -> str:
    """Return the document; it is of ASCII alone, so that every terminal takes it."""
    return json.dumps(document(facts, causes, notes), indent=2)


def document(facts: Facts, causes: tuple[Cause, ...], notes: Sequence[Cause]) -> dict[str, Any]:
    """Return everything that was looked at, by what it is of, and what came of it."""
    seen = facts.seen
    return {
        "schema": SCHEMA,
        "can_run": not any(cause.blocks for cause in causes),
        "verdict": verdict(causes),
        "causes": [dataclasses.asdict(cause) for cause in causes],
        "notes": [{"id": note.id, "sentence": note.sentence} for note in notes],
        "python": dataclasses.asdict(facts.python),
        "system": dataclasses.asdict(facts.system),
        "warpwright": _package(facts),
        "torch": _torch(facts),
        "driver": dataclasses.asdict(seen.driver) if seen.driver else None,
        "gpus": [{**dataclasses.asdict(gpu), "paths": _chosen(gpu, facts)} for gpu in seen.gpus],
        "runtimes": [dataclasses.asdict(runtime) for runtime in seen.runtimes],
        "forced_sm": facts.environment.get(FORCED) or None,
        "environment": dict(facts.environment),
        "child": dataclasses.asdict(seen.end) if seen.end else None,
    }


def _package(facts: Facts) -> dict[str, Any]:
    package = dataclasses.asdict(facts.package)
    del package["told"]  # these are among the causes
    paths = None if facts.seen.paths is None else {name: list(sms) for name, sms in sorted(facts.seen.paths.items())}
    return {"version": version_of(facts), "loaded": facts.seen.library, "paths": paths, **package}


def _torch(facts: Facts) -> dict[str, Any]:
    seen = facts.seen.torch or Torch(None, None, None)
    return {**dataclasses.asdict(seen), "metadata": [dataclasses.asdict(each) for each in facts.torches]}


def _chosen(gpu: Gpu, facts: Facts) -> dict[str, str | None]:
    forced = facts.environment.get(FORCED)
    return {name: chosen_path(sms, gpu.sm, forced) for name, sms in sorted((facts.seen.paths or {}).items())}
