"""The tools of this machine, asked what they read of an environment: environment.toml knows all of it by name.

A tool's new release that reads one more variable fails here, and the failure names it.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from importlib.metadata import files as files_of
from importlib.metadata import version
from pathlib import Path

import pytest
from uv import find_uv_bin

from listener import FIX, TABLE, Listener, output_of, program, unknown_to, write_sources
from wheelworks.matrix import Matrix


def test_the_folders_of_every_package_that_cmake_looks_for_are_known(project: Path) -> None:
    files = [project / "CMakeLists.txt", *(project / "csrc").rglob("*.cmake")]
    text = "\n".join(re.sub("#.*", "", path.read_text(encoding="utf-8")) for path in files)
    packages = set(re.findall(r"find_package\((\w+)", text))
    assert packages
    names = [f"{name}_ROOT" for name in packages] + [f"{name.upper()}_ROOT" for name in packages]
    assert unknown_to("cmake", [*names, *(f"{name}_DIR" for name in packages)]) == [], FIX


def test_every_variable_of_pythons_help_is_known() -> None:
    names = re.findall(r"\b_?PYTHON[A-Z0-9_]+", output_of(sys.executable, "--help-env"))
    assert len(names) > 20
    assert unknown_to("python", names) == [], FIX


def test_every_setting_of_the_build_backend_is_known(matrix: Matrix) -> None:
    pinned = matrix.tools.backend.partition("==")[2]
    assert version("scikit-build-core") == pinned, "pyproject.toml and matrix.toml pin different ones"
    names = json.loads(output_of(sys.executable, "-c", SETTINGS))
    assert len(names) > 40
    assert unknown_to("scikit-build-core", names) == [], FIX


SETTINGS = """
import dataclasses, json, typing
from scikit_build_core.settings.skbuild_model import ScikitBuildSettings

def names(model, prefix):
    for name, kind in typing.get_type_hints(model).items():
        full = f"{prefix}_{name.upper()}"
        yield from names(kind, full) if dataclasses.is_dataclass(kind) else [full]

print(json.dumps(list(names(ScikitBuildSettings, "SKBUILD"))))
"""


def test_every_option_of_pip_is_known() -> None:
    names = json.loads(output_of(sys.executable, "-c", OPTIONS))
    assert len(names) > 80
    assert unknown_to("pip", names) == [], FIX


OPTIONS = """
import json
from pip._internal.commands import commands_dict, create_command

options = [option for name in commands_dict for option in create_command(name).parser.option_list_all]
words = {word for option in options for word in option._long_opts}
print(json.dumps(sorted("PIP_" + word[2:].replace("-", "_").upper() for word in words)))
"""


@pytest.mark.parametrize(("tool", "package"), [("scikit-build-core", "scikit_build_core"), ("pip", "pip/_internal")])
def test_every_variable_in_the_source_of_a_python_tool_is_known(tool: str, package: str) -> None:
    files = [Path(str(path.locate())) for path in files_of(tool) or () if str(path).startswith(f"{package}/")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files if path.suffix == ".py")
    names = set(re.findall(r'\benv(?:iron)?(?:\.get\(|\[|\()\s*"([A-Z_]{2,})"', text))
    names |= set(re.findall(r'"([A-Z_]{2,})" (?:not )?in (?:os\.|self\.)?env(?:iron)?\b', text))
    assert len(names) > 10
    assert unknown_to(tool, names) == [], FIX


@pytest.mark.parametrize("command", ["build", "pip install", "pip compile", "venv", "python install", "python find"])
def test_every_variable_of_uvs_help_is_known(command: str) -> None:
    names = re.findall(r"\[env: ([A-Z_0-9]+)", output_of(find_uv_bin(), *command.split(), "--help"))
    assert len(names) > 5
    assert unknown_to("uv", names) == [], FIX


def test_every_option_of_ccache_is_set_by_a_known_variable(tmp_path: Path) -> None:
    """Each variable is tried: ccache says of every option whether the environment decided it."""
    ccache = program("ccache")
    place = {"CCACHE_CONFIGPATH": str(tmp_path / "none"), "CCACHE_DIR": str(tmp_path)}
    options = set(re.findall(r"^\(.*?\) (\w+) =", output_of(ccache, "--show-config", env=place), re.MULTILINE))
    assert len(options) > 30
    for name in TABLE.tools["ccache"].variables:
        if name.startswith("CCACHE_") and "*" not in name and not name.startswith("CCACHE_CONFIGPATH"):
            for value in ("/x", "1"):
                shown = output_of(ccache, "--show-config", env={**place, name: value})
                options -= set(re.findall(r"^\(environment\) (\w+) =", shown, re.MULTILINE))
    assert options == set(), f"no variable under [tools.ccache] sets these; {FIX}"


@pytest.mark.parametrize(
    ("page", "tool", "family"),
    [("man1/ccache.1", "ccache", "CCACHE_"), ("man1/git.1", "git", "GIT_"), ("man8/ld.so.8", "ld", "LD_")],
)
def test_every_variable_of_a_manual_page_is_known(page: str, tool: str, family: str) -> None:
    path = Path(f"/usr/share/man/{page}.gz")
    if not path.is_file():
        pytest.skip(f"this machine has no {path}")
    text = re.sub(r"\\f[A-Z]|\\", "", gzip.decompress(path.read_bytes()).decode())
    names = re.findall(rf"\b{family}[A-Z0-9_]*[A-Z0-9]\b", text)
    assert len(names) > 15
    assert unknown_to(tool, (name for name in names if name != "CCACHE_NO")) == [], FIX


@pytest.fixture
def listener(tmp_path: Path) -> Listener:
    return Listener(tmp_path)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return write_sources(tmp_path / "sources")


def test_what_ccache_asks_for_is_known(listener: Listener, sources: Path) -> None:
    assert listener.unknown(program("ccache"), "g++", "-c", "unit.cpp", cwd=sources) == [], FIX


def test_what_git_asks_for_is_known(listener: Listener, tmp_path: Path) -> None:
    git = program("git")
    subprocess.run([git, "init", "--quiet", tmp_path / "checkout"], check=True)
    assert listener.unknown(git, "-C", tmp_path / "checkout", "status", cwd=tmp_path) == [], FIX


@pytest.mark.parametrize("command", ["venv --offline there", "pip list", "build --help"])
def test_what_uv_asks_for_is_known(command: str, listener: Listener, tmp_path: Path) -> None:
    uv = find_uv_bin()
    if output_of("/bin/sh", "-c", f"ldd {uv} 2>&1").find("libc.so") < 0:
        pytest.skip("this uv is a static program, which asks no C library")
    assert listener.unknown(uv, *command.split(), cwd=tmp_path) == [], FIX
