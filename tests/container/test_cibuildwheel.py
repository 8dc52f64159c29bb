"""cibuildwheel itself builds, repairs, audits and tests the universal wheel, from the generated configuration.

PyPA's image is stood in for by the lane's debian image in its layout; so the Python is Debian's and not 3.10, which
makes no difference to an abi3 wheel: its tag is that of the limited API.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from dock import Built, Dock, copy_of_this_checkout
from wheelworks import files
from wheelworks.files import sha256_of
from wheelworks.process import open_environment, run

LANE = "universal-x86_64"
EXPECTED = f"warpwright-build:{LANE}.manylinux-x86_64"
PASSED = ("SSL_CERT_FILE", "UV_FIND_LINKS", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_TORCH_BACKEND")
"""What tells uv of this machine's index; a folder or file that one names is mounted."""


@pytest.fixture
def image(dock: Dock, universal: Built, tmp_path: Path) -> str:  # noqa: ARG001  its build has made the lane's image
    """The image that the configuration names, with the tag of Debian's Python as the identifier's."""
    shutil.copy(find_uv_bin(), tmp_path / "uv")
    dockerfile = Path(__file__).parent / "cibuildwheel.Dockerfile"
    done = dock.docker(
        "build", "--network", "host", "--build-arg", f"BASE_IMAGE=warpwright-build:{LANE}.debian",
        "--tag", EXPECTED, "--file", dockerfile, tmp_path,
    )  # fmt: skip
    assert done.ok, done.output
    folders = dock.docker("run", "--rm", EXPECTED, "ls", "/opt/python").output
    found = re.search(r"(cp\d+)-cp\d+", folders)
    assert found is not None, folders
    return f"{found[1]}-manylinux_x86_64"


def test_cibuildwheel_makes_the_same_wheel(image: str, universal: Built, tmp_path: Path) -> None:
    checkout = copy_of_this_checkout(tmp_path / "checkout")
    configuration = f"docker/cibuildwheel/{LANE}.toml"
    done = run(
        [sys.executable, "-m", "cibuildwheel", "--only", image, "--config-file", configuration, checkout],
        cwd=checkout,
        env=open_environment(CIBW_CONTAINER_ENGINE=f"docker; create_args: {' '.join(_machine())}",
                             CIBW_ENVIRONMENT_PASS_LINUX=" ".join(PASSED)),
    )  # fmt: skip
    assert done.ok, done.output
    assert "Running before_all" in done.output
    assert re.search(r"warpwright-\S+: passed", done.output), "the audit said nothing"
    assert re.search(r"\d+ passed", done.output), "the wheel tests said nothing"
    (wheel,) = (checkout / "wheelhouse").glob("*.whl")
    assert wheel.name == universal.wheel.name
    assert sha256_of(wheel) == sha256_of(universal.wheel)


def _machine() -> list[str]:
    """Return the network and the caches of this machine, and what uv's settings name, as words for docker."""
    cache = files.cache_folder(os.environ).resolve()
    named = [Path(os.environ[key]) for key in PASSED if os.environ.get(key, "").startswith("/")]
    mounts = [f"--volume={path}:{path}:ro" for path in named]
    return ["--network=host", f"--volume={cache}:/root/.cache/warpwright", *mounts]
