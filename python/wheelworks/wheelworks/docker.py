"""The docker client: the one gate to the daemon, with an error for each way in which it can refuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from wheelworks.errors import ContainerError, DaemonError, ImageError, WheelworksError
from wheelworks.process import Completed, Runner

NO_DAEMON = re.compile(r"cannot connect to the docker daemon|connection refused|error during connect", re.IGNORECASE)
NO_ACCESS = re.compile(r"permission denied.*docker\.?sock|permission denied while trying to connect", re.IGNORECASE)
NO_SPACE = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
NO_IMAGE = re.compile(
    r"manifest (unknown|for .* not found)|pull access denied|failed to (resolve|do request|copy)|no such (image|host)"
    r"|repository does not exist|dial tcp|: not found|no matching manifest",
    re.IGNORECASE,
)


def require_daemon(run: Runner) -> str:
    """Return the version of the daemon that answers, or raise DaemonError with the reason why none does."""
    done = run(["docker", "version", "--format", "{{.Server.Version}}"], timeout=60.0)
    if not done.ok:
        raise failure(done, "no docker daemon answers", DaemonError)
    return done.output.strip()


def ask(
    run: Runner,
    words: list[str | Path],
    *,
    what: str,
    cause: type[WheelworksError] = ImageError,
    on_line: Callable[[str], None] | None = None,
) -> str:
    """Run a docker command and give its output; ``what`` says what failed where it does."""
    done = run(["docker", *words], on_line=on_line)
    if not done.ok:
        raise failure(done, what, cause)
    return done.output.strip()


def failure(done: Completed, what: str, cause: type[WheelworksError] = ContainerError) -> WheelworksError:
    """Return the error of a docker command: the daemon's where it was not reached, else the caller's."""
    why = f"{done.command_line} ended with {done.returncode}:\n{done.last_lines()}"
    if done.returncode == 127 and done.command[0] in done.output:
        return DaemonError(
            "there is no docker client", why=done.output.strip(), fix="install one: `apt-get install docker.io`"
        )
    if NO_ACCESS.search(done.output):
        return DaemonError("the docker daemon refuses this user", why=why, fix="join the group docker, or be root")
    if NO_DAEMON.search(done.output):
        return DaemonError("no docker daemon answers", why=why, fix="start one: `systemctl start docker`, or dockerd")
    if NO_SPACE.search(done.output):
        fix = "free space where the daemon keeps its images: `docker system df` shows what is there"
        return cause(f"{what}: the disk is full", why=why, fix=fix)
    if NO_IMAGE.search(done.output):
        fix = "check its name and digest in matrix.toml; without a registry, `nox -s base-image` makes a debian base"
        return ImageError(f"{what}: an image is not there", why=why, fix=fix)
    return cause(what, why=why, fix="read docker's message above")
