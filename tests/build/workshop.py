"""What the build tests work with: a configured lane, and the build command in any checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from wheelworks.build_plan import BuildPlan
from wheelworks.process import Completed, run
from wheelworks.toolchain import Toolchain

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Workshop:
    """A toolchain with the plan of the default lane's build, and CMake to configure it with."""

    toolchain: Toolchain
    plan: BuildPlan

    def cmake(self, *arguments: str | Path) -> Completed:
        return run([self.toolchain.tools / "cmake", *arguments], cwd=PROJECT, env=self.plan.environment)

    def configure(self, folder: Path, project: Path = PROJECT, **defines: str) -> Completed:
        """Configure a project in a folder of the test's own; ``defines`` replace those of the plan."""
        every = {**self.plan.defines, "CMAKE_EXPORT_COMPILE_COMMANDS": "ON", **defines}
        words = [f"-D{name}={value}" for name, value in every.items()]
        return self.cmake("-S", project, "-B", folder, "-G", "Ninja", *words)


def copy_of_this_checkout(target: Path) -> Path:
    """Copy what git would take along: tracked files and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in listed.stdout.split("\0"):
        if name and (PROJECT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, target / name)
    return target


def build_in(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the build command in a checkout, as `nox -s build-wheel` does; its output goes to the terminal as well."""
    return wheelworks_in(checkout, "build", *arguments, **environment)


def wheelworks_in(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the pipeline in a checkout; its output goes to the terminal as well."""
    command = [sys.executable, "-c", "from wheelworks.cli import main; main()", *arguments]
    done = subprocess.run(
        command, cwd=checkout, env={**os.environ, **environment}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    print(done.stdout)  # noqa: T201  shown by pytest where a test fails
    return done


def project_of(folder: Path, rows: str) -> Path:
    """Make a project whose kernels.cmake has some rows; all else is this one's."""
    folder.mkdir()
    for name in ("CMakeLists.txt", "include", "python"):
        (folder / name).symlink_to(PROJECT / name)
    shutil.copytree(PROJECT / "csrc", folder / "csrc")
    (folder / "csrc" / "kernels.cmake").write_text(rows, encoding="utf-8")
    return folder


def compile_commands(workshop: Workshop, folder: Path, project: Path = PROJECT, **defines: str) -> dict[str, str]:
    """Configure, and give the compile command of every CUDA unit by its file name."""
    done = workshop.configure(folder, project, **defines)
    assert done.ok, done.output
    rows = json.loads((folder / "compile_commands.json").read_text(encoding="utf-8"))
    return {Path(row["file"]).name: row["command"] for row in rows if row["file"].endswith(".cu")}


def definition(header: Path) -> str:
    """Read the one definition of a header of paths."""
    text = header.read_text(encoding="utf-8")
    assert text.count("#define ") == 1
    return " ".join(text.partition("#define ")[2].replace("\\\n", "").split())
