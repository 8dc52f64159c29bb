"""What users do with an index beyond one install: locks, hashes, metadata, yanked files, other forms of the page."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomllib

from client_kit.installers import Installer, Machine, Pip, find_python, uv
from client_kit.served import Served
from wheelworks.manifest import ReleasedWheel
from wheelworks.process import Completed

HERE = Machine("3.12", "x86_64")
FULL = "warpwright-0.1.0+cu130-cp310-abi3-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"


def wheel_of(served: Served, file: str) -> ReleasedWheel:
    return next(wheel for manifest in served.catalogue.manifests for wheel in manifest.wheels if wheel.file == file)


def compile_words(served: Served, *words: str) -> list[str]:
    dependencies = f"{served.nginx.url}dependencies/"
    return ["pip", "compile", "--no-header", "--no-annotate", "--no-cache", "--index", f"{served.nginx.url}cu130/",
            "--default-index", dependencies, *words]  # fmt: skip


@pytest.mark.parametrize("platform", ["x86_64-manylinux_2_28", "x86_64-manylinux_2_39"])
@pytest.mark.parametrize("python", ["3.10", "3.12", "3.14"])
def test_uv_resolves_from_metadata_files_without_a_wheel(
    python: str, platform: str, made: Served, tmp_path: Path
) -> None:
    wanted = tmp_path / "wanted.txt"
    wanted.write_text("warpwright\n", encoding="utf-8")
    words = ["--python-version", python, "--python-platform", platform, "--generate-hashes", str(wanted)]
    with made.nginx.watched() as requests:
        done = uv(*compile_words(made, *words))
    assert done.ok, done.output
    assert f"warpwright==0.1.0+cu130 \\\n    --hash=sha256:{wheel_of(made, FULL).sha256}" in done.output
    assert "torch==2.13.0" in done.output
    ours = [request.path for request in requests if request.path.startswith("/files/")]
    assert ours == [f"/files/{FULL}.metadata"]


@pytest.mark.parametrize("platform", ["aarch64-manylinux_2_17", "x86_64-manylinux_2_17", "macos", "windows"])
def test_uv_says_that_no_wheel_fits_a_platform(platform: str, made: Served, tmp_path: Path) -> None:
    wanted = tmp_path / "wanted.txt"
    wanted.write_text("warpwright\n", encoding="utf-8")
    words = ["--python-version", "3.12", "--python-platform", platform, "--only-binary", ":all:", str(wanted)]
    done = uv(*compile_words(made, *words))
    assert not done.ok
    assert "no wheels with a matching platform tag" in " ".join(done.output.split())


@pytest.mark.parametrize("cpu", ["x86_64", "aarch64"])
@pytest.mark.parametrize(
    ("glibc", "found"),
    [("manylinux_2_24", True), ("manylinux_2_28", True), ("manylinux_2_17", False), ("manylinux_2_34", False)],
)
@pytest.mark.parametrize("name", ["oldest_pip", "newest_pip"])
def test_pip_finds_a_wheel_by_each_of_its_platform_tags_alone(
    name: str, glibc: str, found: bool, cpu: str, made: Served, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    pip: Pip = request.getfixturevalue(name)
    file = FULL.replace("x86_64", cpu)
    done = pip.fetch_by_tags(["warpwright"], f"{made.nginx.url}cu130/", "3.12", [f"{glibc}_{cpu}"], tmp_path)
    assert done.ok is found, done.output
    assert [path.name for path in tmp_path.iterdir()] == ([file] if found else [])
    assert found or "No matching distribution found for warpwright" in done.output


def test_the_newest_pip_resolves_from_metadata_files_without_a_wheel(made: Served, newest_pip: Pip) -> None:
    with made.nginx.watched() as requests:
        done = newest_pip.install(
            ["warpwright", "--dry-run", "--extra-index-url", f"{made.nginx.url}dependencies/"],
            f"{made.nginx.url}cu130/",
            newest_pip.python,
        )
    assert done.ok, done.output
    assert "Would install torch-2.13.0 warpwright-0.1.0+cu130" in done.output
    assert [request.path for request in requests if "/files/" in request.path] == [f"/files/{FULL}.metadata"]


def test_the_page_of_a_host_without_json_serves_as_well(made: Served, installer: Installer, tmp_path: Path) -> None:
    done = installer.fetch(["warpwright"], f"{made.nginx.plain_url}cu130/", HERE, tmp_path)
    assert done.ok, done.output
    assert "warpwright" in done.output


def test_a_client_that_asks_for_json_gets_it(made: Served, newest_pip: Pip, tmp_path: Path) -> None:
    with made.nginx.watched() as requests:
        newest_pip.fetch(["warpwright"], f"{made.nginx.url}cu130/", HERE, tmp_path / "json")
    assert "/cu130/warpwright/index.json" in [request.path for request in requests]
    with made.nginx.watched() as requests:
        newest_pip.fetch(["warpwright"], f"{made.nginx.plain_url}cu130/", HERE, tmp_path / "html")
    assert "/cu130/warpwright/index.html" in [request.path for request in requests]


@pytest.mark.parametrize("good", [True, False], ids=["right hash", "wrong hash"])
def test_required_hashes_are_those_of_the_manifest(
    good: bool, made: Served, installer: Installer, tmp_path: Path
) -> None:
    digest = wheel_of(made, FULL).sha256 if good else "0" * 64
    wanted = tmp_path / "wanted.txt"
    wanted.write_text(f"warpwright==0.1.0+cu130 --hash=sha256:{digest}\n", encoding="utf-8")
    done = installer.fetch(["--require-hashes", "-r", str(wanted)], f"{made.nginx.url}cu130/", HERE, tmp_path / "got")
    assert done.ok is good, done.output
    if not good:
        assert "hash" in done.output.lower()
        assert wheel_of(made, FULL).sha256 in done.output


def test_a_yanked_version_is_left_alone_unless_it_is_named(made: Served, installer: Installer, tmp_path: Path) -> None:
    index = f"{made.nginx.url}cu130/"
    with made.nginx.watched() as requests:
        assert installer.fetch(["warpwright"], index, HERE, tmp_path / "free").ok
    assert f"/files/{FULL}" in [request.path for request in requests]
    done = installer.fetch(["warpwright==0.2.0+cu130"], index, HERE, tmp_path / "named")
    assert done.ok, done.output
    assert "wrong results on sm80" in done.output


def test_a_nightly_comes_from_its_own_index_alone(made: Served, installer: Installer, tmp_path: Path) -> None:
    wanted = ["warpwright==0.3.0.dev1+cu130"]
    assert not installer.fetch(wanted, f"{made.nginx.url}cu130/", HERE, tmp_path / "steady").ok
    done = installer.fetch(wanted, f"{made.nginx.url}nightly/cu130/", HERE, tmp_path / "nightly")
    assert done.ok, done.output


def test_the_root_gives_no_thin_wheel(made: Served, installer: Installer, tmp_path: Path) -> None:
    with made.nginx.watched() as requests:
        done = installer.fetch(["warpwright"], made.nginx.url, HERE, tmp_path)
    assert done.ok, done.output
    (path,) = {request.path for request in requests if request.path.endswith(".whl")}
    assert "sm90a" not in path


PROJECT_FILE = """
[project]
name = "user"
version = "0"
requires-python = ">=3.10"
dependencies = ["warpwright"]

[tool.uv]
environments = ["sys_platform == 'linux' and platform_machine == 'x86_64'"]

[tool.uv.sources]
warpwright = { index = "warpwright" }

[[tool.uv.index]]
name = "warpwright"
url = "URLcu130/"
explicit = true

[[tool.uv.index]]
name = "dependencies"
url = "URLdependencies/"
default = true
"""


def test_a_lock_of_an_explicit_index_has_the_manifest_s_facts_and_installs(made: Served, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT_FILE.replace("URL", made.nginx.url), encoding="utf-8")
    with made.nginx.watched() as requests:
        done = uv_project(tmp_path, "lock")
    assert done.ok, done.output
    assert not [request for request in requests if request.path.startswith("/cu130/torch")]
    lock = tomllib.loads((tmp_path / "uv.lock").read_text(encoding="utf-8"))
    (locked,) = [package for package in lock["package"] if package["name"] == "warpwright"]
    wheel = wheel_of(made, FULL)
    assert (locked["version"], locked["source"]) == ("0.1.0+cu130", {"registry": f"{made.nginx.url}cu130/"})
    (file,) = locked["wheels"]
    assert (file["hash"], file["size"]) == (f"sha256:{wheel.sha256}", wheel.size)
    assert file["url"].endswith(f"/files/{FULL.replace('+', '%2B')}")
    done = uv_project(tmp_path, "sync", "--locked", "--no-install-project")
    assert done.ok, done.output
    assert "+ warpwright==0.1.0+cu130" in done.output


def uv_project(folder: Path, *words: str) -> Completed:
    """Run uv on a project; its own file is its configuration."""
    return uv(*words, "--no-cache", "--python", find_python("3.12") or "3.11", cwd=folder, configured=True)
