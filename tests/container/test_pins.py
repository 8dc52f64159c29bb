"""Digests come from a registry: one that is started here has the Debian base, and a pinned image is built from it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dock import BASE, Dock, copy_of_this_checkout, install, with_base_image
from wheelworks.errors import ImageError
from wheelworks.matrix import load_matrix

CONFIGURATION = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture
def registry(dock: Dock, base: None, tmp_path: Path) -> Iterator[str]:  # noqa: ARG001  the base is what it holds
    """The name of the base in a registry of this test's own."""
    if shutil.which("docker-registry") is None:
        install(["docker-registry"])
    if shutil.which("docker-registry") is None:
        pytest.fail("there is no docker-registry, and it cannot be installed here: that needs root and apt")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = tmp_path / "registry.yml"
    settings.write_text(CONFIGURATION.format(root=tmp_path / "registry", port=port), encoding="utf-8")
    name = f"localhost:{port}/{BASE}"
    with (tmp_path / "registry.log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", settings], stdout=log, stderr=subprocess.STDOUT)
    try:
        _push(dock, name)
        yield name
    finally:
        process.terminate()
        process.wait(timeout=30)
        dock.docker("rmi", name)


def test_a_digest_is_looked_up_written_and_built_from(dock: Dock, registry: str, tmp_path: Path) -> None:
    checkout = copy_of_this_checkout(tmp_path / "checkout")
    with_base_image(checkout, f'name = "{registry}"')
    pinned = dock.wheelworks(checkout, "pin-images")
    assert f"{registry}: sha256:" in pinned.stdout
    image = load_matrix(checkout / "matrix.toml").bases["debian"].image
    assert image.digest is not None
    built = dock.wheelworks(checkout, "image", "cu130-all-x86_64", "--base", "debian", "--release")
    assert built.returncode == 0, built.stdout
    assert f"on {registry.rpartition(':')[0]}@{image.digest}" in built.stdout


def test_a_wrong_digest_is_refused_by_the_registry(dock: Dock, registry: str, tmp_path: Path) -> None:
    checkout = copy_of_this_checkout(tmp_path / "checkout")
    with_base_image(checkout, f'name = "{registry}", digest = "sha256:{"0" * 64}"')
    done = dock.wheelworks(checkout, "image", "cu130-all-x86_64", "--base", "debian")
    assert done.returncode == ImageError.exit_code, done.stdout
    assert "an image is not there" in done.stdout


def _push(dock: Dock, name: str) -> None:
    dock.docker("tag", BASE, name)
    for _ in range(20):
        done = dock.docker("push", "--quiet", name)
        if done.ok:
            return
        time.sleep(0.5)
    pytest.fail(f"the registry took no image:\n{done.last_lines()}")
