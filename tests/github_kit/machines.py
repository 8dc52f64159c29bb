"""Machines for the jobs of a workflow: each job gets an empty folder, and what passes between jobs are artefacts."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from github_kit.workflow import SELF, Job
from wheelworks.process import run

HERE = Path(__file__).parent
SYSTEM_PACKAGES = "sudo apt-get install "
STAND_INS = {"nox": HERE / "nox_stand_in.py", "gh": HERE / "gh_stand_in.py"}
SCRIPT = """#!/bin/sh
PYTHONPATH="{tests}:$PYTHONPATH" exec "{python}" "{program}" "$@"
"""


@dataclass
class Machines:
    """Does the steps of jobs in folders below ``scratch``; ``source`` is what a checkout gives."""

    source: Path
    scratch: Path
    environment: Mapping[str, str]
    ran: list[str] = field(default_factory=list)
    attested: list[str] = field(default_factory=list)
    jobs: int = 0

    @property
    def here(self) -> Path:
        """The folder of the job that runs."""
        return self.scratch / f"job-{self.jobs}"

    @property
    def artefacts(self) -> Path:
        return self.scratch / "artefacts"

    @property
    def releases(self) -> Path:
        """What stands for the releases of GitHub."""
        return self.scratch / "releases"

    def begin(self, job: Job) -> None:
        assert job.permissions, f"{job.name} may not even read"
        self.jobs += 1
        self.here.mkdir(parents=True)

    def do(self, job: Job, step: Mapping[str, Any]) -> Mapping[str, str]:
        """Do a step as GitHub would; one that this stand-in does not know is an error."""
        if "run" in step:
            return self._run(job, step)
        action = step["uses"].partition("@")[0]
        if not action.startswith(SELF):
            known: Mapping[str, Callable[[Job, Mapping[str, str]], None]] = {
                "actions/checkout": self.checkout,
                "actions/upload-artifact": self.upload,
                "actions/download-artifact": self.download,
                "actions/attest-build-provenance": self.attest,
            }
            known[action](job, {name: str(job.value(text)) for name, text in step.get("with", {}).items()})
        return {}

    def _run(self, job: Job, step: Mapping[str, Any]) -> Mapping[str, str]:
        if step["run"].startswith(SYSTEM_PACKAGES):
            return {}
        outputs = self.scratch / f"outputs-{len(self.ran)}"
        outputs.touch()
        self.ran.append(step["run"])
        done = run(
            ["bash", "-e", "-c", step["run"]],
            cwd=self.here,
            env={
                **self.environment,
                **job.environment_of(step),
                "GITHUB_OUTPUT": str(outputs),
                "GITHUB_FOLDER": str(self.releases),
                "PATH": self._path(),
            },
        )
        assert done.ok, f"{job.workflow}, job {job.name}: `{step['run']}` ended with {done.returncode}:\n{done.output}"
        lines = outputs.read_text(encoding="utf-8").splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    def _path(self) -> str:
        """Return the programs of this environment, with the stand-ins before them."""
        programs = self.scratch / "programs"
        for name, program in STAND_INS.items():
            programs.mkdir(exist_ok=True)
            text = SCRIPT.format(tests=HERE.parent, python=sys.executable, program=program)
            (programs / name).write_text(text, encoding="utf-8")
            (programs / name).chmod(0o755)
        return os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"]))

    def checkout(self, job: Job, _: Mapping[str, str]) -> None:
        """Bring the project."""
        assert job.permissions["contents"] in ("read", "write")
        shutil.copytree(self.source, self.here, dirs_exist_ok=True)

    def upload(self, _: Job, words: Mapping[str, str]) -> None:
        """Keep files under the part of their path behind the first wildcard, as GitHub does for one pattern."""
        root, pattern = _split(words["path"])
        found = _files(self.here / root) if not pattern else sorted((self.here / root).glob(pattern))
        assert found, f"there is no {words['path']}"
        kept = self.artefacts / words["name"]
        assert not kept.exists(), f"a second artefact {words['name']}"
        for path in found:
            target = kept / path.relative_to(self.here / root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)

    def download(self, _: Job, words: Mapping[str, str]) -> None:
        """Bring what other jobs have kept."""
        found = sorted(self.artefacts.glob(words.get("pattern", words.get("name", ""))))
        assert found, f"there is no artefact {words}"
        assert len(found) == 1 or words["merge-multiple"] == "true"
        for each in found:
            shutil.copytree(each, self.here / words["path"], dirs_exist_ok=True)

    def attest(self, job: Job, words: Mapping[str, str]) -> None:
        """Note the files that would be signed."""
        assert job.permissions == {"id-token": "write", "attestations": "write"}
        for pattern in words["subject-path"].split():
            found = sorted(path.name for path in self.here.glob(pattern))
            assert found, f"there is no {pattern} to attest"
            self.attested += found


def _files(folder: Path) -> list[Path]:
    """Find all files, through symbolic links too, as GitHub does."""
    walked = os.walk(folder, followlinks=True)
    return sorted(Path(here) / name for here, _, names in walked for name in names if not name.startswith("."))


def _split(pattern: str) -> tuple[Path, str]:
    parts = Path(pattern).parts
    stars = [number for number, part in enumerate(parts) if "*" in part] or [len(parts)]
    return Path(*parts[: stars[0]]), "/".join(parts[stars[0] :])
