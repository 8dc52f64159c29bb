"""``new-operator``: the files of an operator that copies rows, to be made one's own."""

from __future__ import annotations

from pathlib import Path

from wheelworks import files
from wheelworks.cli.app import app, console
from wheelworks.new_operator import plan_operator

NEXT = """\
it copies rows; next:
nox -s build-wheel
nox -s operator-pages -- dist/WHEEL
nox -s gpu-tests -- dist/WHEEL
nox -s bench -- -k {name}
then make it yours"""


@app.command
def new_operator(family: str, name: str, *, dry_run: bool = False) -> None:
    """Write the files of a new operator, which builds, runs and is tested: it copies rows.

    Parameters
    ----------
    family
        The folder that it lives in, one of the families of matrix.toml.
    name
        The operator's name everywhere, like silu_and_mul.
    dry_run
        Tell which files would be written, and write none.
    """
    project = Path.cwd()
    texts = plan_operator(project, family, name)
    changed = {path for path in texts if (project / path).exists()}
    if not dry_run:
        files.write_together({project / path: text for path, text in texts.items()})
    for path in texts:
        word = "a row in" if path in changed else "file"
        console.print(f"{'would write' if dry_run else 'wrote'} {word} {path}", highlight=False, markup=False)
    if not dry_run:
        console.print(NEXT.format(name=name), highlight=False, markup=False)
