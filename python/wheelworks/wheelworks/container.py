"""The container stage: the commands of a build, run in a lane's image.

The build is planned here, on the host, as for an embedded toolchain; the one command that compiles runs in a container
that sees the same paths. So there is one pipeline, and a container needs neither the pipeline nor its packages.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from wheelworks import docker, files, uv_client
from wheelworks.build import Frontend
from wheelworks.errors import ContainerError, ToolchainError
from wheelworks.matrix import Matrix
from wheelworks.process import Completed, Runner

TOOLS = Path("/opt/toolchain/bin")
"""Where every build container has c++, python3 and ccache."""

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
        mounts = [f"type=bind,source={folder},target={folder},readonly" for folder in self.readable]
        mounts += [f"type=bind,source={folder},target={folder}" for folder in self.writable]
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
        _check(container, done)
        return done

    return run_inside


def caller() -> str:
    """Return the user and group of this process, as docker takes them."""
    return f"{os.getuid()}:{os.getgid()}"


def compiler_cache(environment: Mapping[str, str]) -> Path:
    """Return the folder of the host's ccache, made where there is none: its units are the container's as well."""
    folder = Path(environment.get("CCACHE_DIR") or user_cache_path("ccache"))
    files.make_folder(folder)
    return folder


def ensure_frontend(matrix: Matrix, project: Path, architecture: str, *, cache: Path, run: Runner) -> Frontend:
    """Return uv and the build backend in a folder of the cache, each file checked against the lock."""
    lock = project / matrix.container_tools.lock
    digest = hashlib.sha256(f"{architecture}\n{lock.read_text(encoding='utf-8')}".encode()).hexdigest()[:16]
    root = cache / "container-tools" / digest
    with files.filled_once(root) as folder:
        if folder is not None:
            done = uv_client.install_locked(lock, folder, architecture=architecture, run=run)
            if not done.ok:
                why = f"{done.command_line} ended with {done.returncode}:\n{done.last_lines()}"
                fix = "check the network and the index; after an edit of matrix.toml run `nox -s lock`"
                raise ToolchainError("uv could not install the containers' tools", why=why, fix=fix)
    return Frontend(uv=root / "bin" / "uv", python=TOOLS / "python3", backend=root)


def _remove(container: Container, run: Runner) -> None:
    run(["docker", "rm", "--force", container.name], timeout=60.0)


def _check(container: Container, done: Completed) -> None:
    """Tell a container that did not do its work from a command that failed in it."""
    if done.returncode == 125:
        raise docker.failure(done, f"cannot start a container of {container.image}", ContainerError)
    if done.returncode in (124, 137, 143):
        raise ContainerError(
            f"the container {container.name} was stopped before the build was done",
            why=f"status {done.returncode}; its last lines:\n{done.last_lines(5)}",
            fix="build again, finished units are kept; 137 without a `docker kill` means that memory ran out: "
            "set CMAKE_BUILD_PARALLEL_LEVEL=1",
        )
