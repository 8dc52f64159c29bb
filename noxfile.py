"""Doors to the pipeline and to the tests; what they do stands in python/wheelworks and tests/."""

import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests"]

# The pipeline's own tools need Python 3.11; on an older machine uv brings one.
PYTHON = None if sys.version_info >= (3, 11) else "3.12"
WHEELWORKS = "./python/wheelworks"


# wheelworks closes the environment of what it runs; these would reach its own Python before.
CLOSED = {"PYTHONPATH": None, "PYTHONHOME": None}


def pipeline(session: nox.Session, *command: str) -> None:
    session.install(WHEELWORKS)
    session.run("wheelworks", *command, *session.posargs, env=CLOSED)


@nox.session(python=PYTHON)
def doctor(session: nox.Session) -> None:
    """Look at this machine and read every byte that builds rest on: toolchains, sources, the build's tools."""
    pipeline(session, "doctor")


@nox.session(python=PYTHON)
def matrix(session: nox.Session) -> None:
    """Print the lanes; `-- --github` gives them to a workflow as outputs."""
    pipeline(session, "matrix")


@nox.session(python=PYTHON)
def lock(session: nox.Session) -> None:
    """Renew the locks of the toolkits after an edit of matrix.toml."""
    pipeline(session, "lock")


@nox.session(name="new-operator", python=PYTHON)
def new_operator(session: nox.Session) -> None:
    """Write the files of a new operator, a copy of rows to be made one's own: `-- FAMILY NAME [--dry-run]`."""
    pipeline(session, "new-operator")


@nox.session(name="operator-pages", python=PYTHON)
def operator_pages(session: nox.Session) -> None:
    """Write docs/operators and the page for callers of sgl_kernel, from what a wheel says: `-- WHEEL [--check]`."""
    pipeline(session, "operator-pages")


@nox.session(name="build-wheel", python=PYTHON)
def build_wheel(session: nox.Session) -> None:
    """Build, audit and test a wheel: `-- LANE --build-type RelWithDebInfo --dist DIR --base NAME --define X=Y`."""
    pipeline(session, "build")


@nox.session(python=PYTHON)
def image(session: nox.Session) -> None:
    """Build the image that a lane is compiled in: `-- LANE --base NAME`."""
    pipeline(session, "image")


@nox.session(name="base-image", python=PYTHON)
def base_image(session: nox.Session) -> None:
    """Make a debian base without a registry, as root: `-- debian:trixie`."""
    pipeline(session, "base-image")


@nox.session(name="pin-images", python=PYTHON)
def pin_images(session: nox.Session) -> None:
    """Write the digests that the registries give into matrix.toml."""
    pipeline(session, "pin-images")


@nox.session(python=PYTHON)
def audit(session: nox.Session) -> None:
    """Audit wheels, of this project or any other: `-- [--json] WHEEL...`."""
    pipeline(session, "audit")


@nox.session(python=PYTHON)
def bill(session: nox.Session) -> None:
    """Print what the device code of wheels holds: `-- [--kernels] [--svg FILE] [--accept] WHEEL...`."""
    pipeline(session, "bill")


@nox.session(python=PYTHON)
def compat(session: nox.Session) -> None:
    """Try wheels on every tested Python and torch: `-- [--all] [--resume] [--accept] [--dry-run] WHEEL...`."""
    pipeline(session, "compat")


@nox.session(python=PYTHON)
def readme(session: nox.Session) -> None:
    """Write the generated sections of README.md anew; `-- --check` only compares."""
    pipeline(session, "readme")


@nox.session(name="gpu-tests", python=PYTHON)
def gpu_tests(session: nox.Session) -> None:
    """Test wheels on this machine's GPU: `-- WHEEL...`."""
    pipeline(session, "gpu-tests")


@nox.session(name="newest-torch", python=PYTHON)
def newest_torch(session: nox.Session) -> None:
    """Test the released wheel with the newest torch: `-- INDEX_URL [--torch-index URL]`."""
    pipeline(session, "newest-torch")


@nox.session(python=PYTHON)
def version(session: nox.Session) -> None:
    """Print the version: `-- 0.2.0` writes it, `-- --tag v0.2.0` checks a tag and the changelog."""
    pipeline(session, "version")


@nox.session(python=PYTHON)
def manifest(session: nox.Session) -> None:
    """Make the manifest of a release from proved wheels: `-- [DIST...] [--nightly]`."""
    pipeline(session, "manifest")


@nox.session(name="fetch-index", python=PYTHON)
def fetch_index(session: nox.Session) -> None:
    """Bring the published index here, to add a release to it: `-- [--into DIR] [--url URL]`."""
    pipeline(session, "fetch-index")


@nox.session(python=PYTHON)
def index(session: nox.Session) -> None:
    """Add releases to an index: `-- MANIFEST... [--url URL] [--into DIR] [--dry-run]`."""
    pipeline(session, "index")


@nox.session(python=PYTHON)
def yank(session: nox.Session) -> None:
    """Tell installers to leave a file alone: `-- FILE --reason WHY [--into DIR]`."""
    pipeline(session, "yank")


@nox.session(python=PYTHON)
def serve(session: nox.Session) -> None:
    """Serve the wheels in dist/ on this machine, for `uv pip install`: `-- [--port PORT]`."""
    pipeline(session, "serve")


@nox.session(python=PYTHON)
def release(session: nox.Session) -> None:
    """Go the steps of a release, or print them: `-- 0.1.0 [--dry-run]`."""
    pipeline(session, "release")


@nox.session(name="client-tests", python=PYTHON)
def client_tests(session: nox.Session) -> None:
    """Have pip, uv and a browser use an index that nginx serves: `-- [--index DIR] [-k NAME]`."""
    session.install("-e", WHEELWORKS, *nox.project.dependency_groups(nox.project.load_toml(), "client-test"))
    session.run("pytest", "tests/clients", *session.posargs)


@nox.session(python=PYTHON)
def publish(session: nox.Session) -> None:
    """Publish: `-- folder DIR`, `-- s3 URL`, `-- pypi MANIFEST ...`, `-- github MANIFEST`, each with `--dry-run`."""
    session.install(f"{WHEELWORKS}[publish]")
    session.run("wheelworks", "publish", *session.posargs)


@nox.session(python=PYTHON)
def verify(session: nox.Session) -> None:
    """Check again all that an index has: `-- DIR_OR_URL [--repository OWNER/NAME] [--refresh] [--no-audit]`."""
    session.install(f"{WHEELWORKS}[verify]")
    session.run("wheelworks", "verify", *session.posargs)


@nox.session(name="publish-tests", python=PYTHON)
def publish_tests(session: nox.Session) -> None:
    """Publish to real servers of this machine (S3 by moto, pypiserver, devpi), and verify; no nginx is needed."""
    groups = nox.project.dependency_groups(nox.project.load_toml(), "publish-test")
    session.install("-e", f"{WHEELWORKS}[publish,verify]", *groups)
    session.run("pytest", "tests/publish", *session.posargs)


@nox.session(python=PYTHON)
def tests(session: nox.Session) -> None:
    """Run everything that needs no GPU: lint, unit, build and wheel tests."""
    for name in ("lint", "unit", "build", "wheel"):
        session.notify(f"{name}-tests" if name != "lint" else name)


@nox.session(python=PYTHON)
def lint(session: nox.Session) -> None:
    """Check style, types, Dockerfiles, workflows, and that generated files are current."""
    session.install(WHEELWORKS, *nox.project.dependency_groups(nox.project.load_toml(), "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("wheelworks", "cibuildwheel", "--check")
    session.run("hadolint", *sorted(map(str, Path("docker").glob("*.Dockerfile"))))
    session.run("actionlint", "-shellcheck=", "-pyflakes=")
    session.run("zizmor", "--offline", "--quiet", ".github")


@nox.session(name="unit-tests", python=PYTHON)
def unit_tests(session: nox.Session) -> None:
    """Run the tests that need no compiler but the host's and no network: minutes."""
    session.install("-e", WHEELWORKS, *nox.project.dependency_groups(nox.project.load_toml(), "test"))
    session.run("pytest", "tests/unit", *session.posargs)


@nox.session(name="build-tests", python=PYTHON)
def build_tests(session: nox.Session) -> None:
    """Configure and compile for real, and build the wheel that the wheel tests take."""
    session.install("-e", WHEELWORKS, *nox.project.dependency_groups(nox.project.load_toml(), "test"))
    session.run("pytest", "tests/build", *session.posargs)


@nox.session(name="container-tests", python=PYTHON)
def container_tests(session: nox.Session) -> None:
    """Build images and wheels in them for real; it starts a docker daemon where there is none and it may."""
    session.install("-e", WHEELWORKS, *nox.project.dependency_groups(nox.project.load_toml(), "container-test"))
    session.run("pytest", "tests/container", *session.posargs)


@nox.session(name="wheel-tests", python=PYTHON)
def wheel_tests(session: nox.Session) -> None:
    """Run tests/wheel on the built wheel in a clean environment with CPU torch: `-- WHEEL...`."""
    pipeline(session, "wheel-tests")


@nox.session(python=False)
def bench(session: nox.Session) -> None:
    """Time the installed warpwright on this machine's GPU, with the torch that is there."""
    session.run("python3", "-m", "pytest", "tests/bench", "-q", *session.posargs, external=True)
