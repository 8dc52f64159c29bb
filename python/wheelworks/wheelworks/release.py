"""The plan of a release: every step as data, in order; each is a command that a person can run alone."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from wheelworks.errors import ReleaseError
from wheelworks.lanes import plan_lanes, released_architectures
from wheelworks.matrix import Matrix
from wheelworks.process import Runner


@dataclass(frozen=True)
class Step:
    """One command of the pipeline: the session, its arguments, and what is true when it has ended well."""

    session: str
    arguments: tuple[str, ...]
    then: str

    def __str__(self) -> str:
        words = f" -- {' '.join(map(_typed, self.arguments))}" if self.arguments else ""
        return f"nox -s {self.session}{words}"


def plan_release(
    matrix: Matrix,
    version: Version,
    *,
    url: str | None = None,
    to: str | None = None,
    dist: str = "dist",
    index: str = "index",
) -> tuple[Step, ...]:
    """Return the steps from a tag to an index that its clients have tested, and with ``to`` on to the public.

    The jobs of .github/workflows/release.yml are these steps; a test tells where the two differ.
    """
    served, manifest = () if url is None else ("--url", url), f"{dist}/warpwright-{version}.json"
    return (
        Step("version", ("--tag", f"v{version}"), "the tag, the source and the changelog name one version"),
        *_build_steps(matrix, dist),
        *_proof_steps(matrix, dist),
        Step("manifest", (dist,), "each wheel has its proofs, and no lane is missing"),
        Step("fetch-index", ("--into", index, *served), f"{index} has every earlier release, or there was none"),
        Step("index", (manifest, "--into", index, *served), "the index is staged"),
        Step("client-tests", ("--index", index), "pip and uv get from it what the manifest says"),
        Step("verify", (index,), "every file of it is what its manifests say"),
        *(_publish_steps(manifest, index, to) if to is not None else ()),
    )


def _publish_steps(manifest: str, index: str, to: str) -> Iterator[Step]:
    """Return what the public sees: the release's files first, then the index that users resolve from."""
    kind = "s3" if to.startswith("s3://") else "folder"
    yield Step("publish", ("github", manifest), "the tag's GitHub release has all files, and is public")
    yield Step("publish", (kind, to, "--index", index), f"{to} serves the index")


def run_step(step: Step, project: Path, run: Runner, on_line: Callable[[str], None]) -> None:
    """Carry out a step, with the wheels that its pattern names by now."""
    words = [word for argument in step.arguments for word in _expanded(argument, project)]
    done = run(["nox", "-s", step.session, "--", *words], cwd=project, on_line=on_line)
    if not done.ok:
        why = f"it ended with {done.returncode}:\n{done.last_lines()}"
        raise ReleaseError(f"the release stopped at `{step}`", why=why, fix="mend it, and run that step and the rest")


def _typed(word: str) -> str:
    """Quote a word for a shell, which is to expand its pattern."""
    return "*".join(shlex.quote(part) if part else "" for part in word.split("*")) if word else "''"


def _expanded(argument: str, project: Path) -> list[str]:
    if "*" not in argument:
        return [argument]
    return sorted(path.relative_to(project).as_posix() for path in project.glob(argument))


def _build_steps(matrix: Matrix, dist: str) -> Iterator[Step]:
    """Return the builds: JIT lanes too, whose wheels run the older paths in the GPU tests and are not released."""
    for lane in sorted(plan_lanes(matrix), key=lambda lane: lane.test_only):
        words = (lane.name, "--dist", dist, "--release")
        if lane.test_only:
            yield Step("build-wheel", (*words, "--untested"), f"{dist} has the wheel that tests SM {lane.sm_set[0]}")
        else:
            yield Step("build-wheel", words, f"{dist} has the audited, tested wheel of {lane.name}")


def _proof_steps(matrix: Matrix, dist: str) -> Iterator[Step]:
    """Return the tests that need a machine of the wheel's own architecture."""
    architectures = released_architectures(matrix)
    for name in architectures:
        yield Step("gpu-tests", (f"{dist}/*_{name}.whl",), f"each wheel for {name} has passed on a GPU")
    for name in architectures:
        yield Step("compat", (f"{dist}/*_{name}.whl",), f"each wheel for {name} runs on every tested Python and torch")
