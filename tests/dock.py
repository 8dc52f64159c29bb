"""The docker client, the pipeline's command line in any checkout, and what a build left behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wheelworks.process import Completed, closed_environment, run

PROJECT = Path(__file__).parents[1]
BASE = "debian:trixie"


@dataclass(frozen=True)
class Built:
    """A checkout in which a wheel was built, the wheel, and what the build printed."""

    checkout: Path
    wheel: Path
    output: str


@dataclass(frozen=True)
class Dock:
    """A docker daemon, and a folder for what the tests leave outside of checkouts."""

    scratch: Path

    def docker(self, *words: str | Path) -> Completed:
        return run(["docker", *words])

    def answers(self) -> bool:
        return self.docker("version", "--format", "{{.Server.Version}}").ok

    def wheelworks(self, checkout: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the pipeline in a checkout, as the nox sessions do."""
        with self.started(checkout, *words, **environment) as process:
            output, _ = process.communicate()
        return subprocess.CompletedProcess(words, process.returncode, output)

    @contextmanager
    def started(self, checkout: Path, *words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-c", "from wheelworks.cli import main; main()", *words]
        settings = {**os.environ, "COLUMNS": "200", **environment}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with subprocess.Popen(command, cwd=checkout, env=settings, text=True, **pipes) as process:  # type: ignore[call-overload]
            yield process

    def build(self, checkout: Path, lane: str, *words: str, **environment: str) -> Built:
        done = self.wheelworks(checkout, "build", lane, "--by-name", "--untested", *words, **environment)
        assert done.returncode == 0, done.stdout
        wheels = list((checkout / "dist").glob("*.whl"))
        assert len(wheels) == 1, done.stdout
        return Built(checkout, wheels[0], done.stdout)

    def containers(self) -> list[str]:
        """The containers of builds that are there, running or not."""
        return self.docker("ps", "--all", "--filter", "name=warpwright-", "--format", "{{.Names}}").output.split()

    @contextmanager
    def own_daemon(self) -> Iterator[Path]:
        """Start a daemon that needs no bridge; give its log. It is stopped in the end, and no other one is."""
        log = self.scratch / "dockerd.log"
        with log.open("w") as stream:
            command = ["dockerd", "--iptables=false", "--bridge=none"]
            process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)
        try:
            yield log
        finally:
            process.terminate()
            process.wait(timeout=60)


def copy_of_this_checkout(target: Path) -> Path:
    """Copy what git would take along: tracked files and new ones that are not ignored."""
    listed = run(["git", "-C", PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
    for name in listed.output.split("\0"):
        if name and (PROJECT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, target / name)
    return target


def install(packages: list[str]) -> None:
    """Install packages of Debian, where this user may."""
    if not packages or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    for words in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = run(["apt-get", *words], env=closed_environment(DEBIAN_FRONTEND="noninteractive"))
        assert done.ok, f"{done.command_line}:\n{done.last_lines()}"


def with_base_image(checkout: Path, image: str) -> None:
    """Name another image for the debian base in a checkout's matrix."""
    path = checkout / "matrix.toml"
    text = path.read_text(encoding="utf-8")
    changed = re.sub(r'image = \{ name = "debian:trixie".*?\}', f"image = {{ {image} }}", text)
    assert changed != text
    path.write_text(changed, encoding="utf-8")
