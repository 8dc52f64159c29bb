"""The container stage: the commands of a build, run in a lane's image.

The build is planned here, on the host, as for an embedded toolchain; the one command that compiles runs in a container
that sees the same paths. So there is one pipeline, and a container needs neither the pipeline nor its packages.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from wheelworks import docker, files
from wheelworks.ccache import Ccache
from wheelworks.errors import ContainerError
from wheelworks.process import Completed, Runner

TOOLS = Path("/opt/toolchain/bin")
"""Where every build container has c++, python3 and ccache."""

TIMED_OUT = 124
"""The status of a command whose time was up."""

PATH = f"{TOOLS}:/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Container:
    """How a command is run in an image, as data: as whom, with which folders, and with no network.

    Each folder has the same path inside; those in ``writable`` can be written to, those in ``readable`` cannot.
    """

    image: str
    name: str
    user: str
    readable: tuple[Path, ...]
    writable: tuple[Path, ...]
    home: Path

    def command(self, words: Sequence[str | Path], cwd: Path | None, env: Mapping[str, str]) -> list[str | Path]:
        """Return the words for docker. ``--init`` passes signals on and reaps what the compilers leave behind."""
        mounts = [_mount(folder, "readonly") for folder in self.readable]
        mounts += [_mount(folder) for folder in self.writable]
        settings = {"PATH": PATH, "HOME": str(self.home), **env}
        return [
            "docker", "run", "--rm", "--init", "--pull", "never", "--network", "none",
            "--security-opt", "no-new-privileges", "--name", self.name, "--user", self.user,
            *(word for mount in mounts for word in ("--mount", mount)),
            *(word for key, value in settings.items() for word in ("--env", f"{key}={value}")),
            "--workdir", cwd or self.home, self.image, *words,
        ]  # fmt: skip


def plan_container(
    image: str, *, project: Path, folder: Path, cache: Path, compiler_cache: Path, user: str
) -> Container:
    """Decide how the build of a checkout runs: its source and the toolchain are read, its build folder is written."""
    place = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return Container(
        image=image,
        name=f"warpwright-{folder.name}-{place}",
        user=user,
        readable=(project, cache),
        writable=(folder, compiler_cache),
        home=folder,
    )


def run_in(container: Container, run: Runner) -> Runner:
    """Return a runner whose commands run in the container; when one ends, by whatever cause, so has the container."""

    def run_inside(
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Completed:
        _remove(container, run)  # what a killed build has left
        try:
            done = run(container.command(command, cwd, env or {}), on_line=on_line, timeout=timeout)
        except BaseException:
            _remove(container, run)
            raise
        if done.returncode == TIMED_OUT:  # docker's client has ended, and its container need not have
            _remove(container, run)
        _check(container, done)
        return done

    return run_inside


def caller() -> str:
    """Return the user and group of this process, as docker takes them."""
    return f"{os.getuid()}:{os.getgid()}"


def compiler_cache(ccache: Ccache | None, environment: Mapping[str, str]) -> Path:
    """Return the folder of the host's ccache, made where there is none: its units are the container's as well."""
    named = ccache.place.get("CCACHE_DIR") if ccache else environment.get("CCACHE_DIR")
    folder = files.absolute(named) if named else user_cache_path("ccache")
    files.make_folder(folder)
    return folder


def _mount(folder: Path, *options: str) -> str:
    """Return a mount as docker reads it: one line of CSV, in which a comma of the path is quoted."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(["type=bind", f"source={folder}", f"target={folder}", *options])
    return line.getvalue()


def _remove(container: Container, run: Runner) -> None:
    run(["docker", "rm", "--force", container.name], timeout=60.0)


def _check(container: Container, done: Completed) -> None:
    """Tell a container that did not do its work from a command that failed in it."""
    if done.returncode == 125:
        raise docker.failure(done, f"cannot start a container of {container.image}", ContainerError)
    if done.returncode in (TIMED_OUT, 137, 143):
        raise ContainerError(
            f"the container {container.name} was stopped before the build was done",
            why=f"status {done.returncode}; its last lines:\n{done.last_lines(5)}",
            fix="build again, finished units are kept; 137 without a `docker kill` means that memory ran out: "
            "set CMAKE_BUILD_PARALLEL_LEVEL=1",
        )
