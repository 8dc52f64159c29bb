"""What is published, read from this machine: an index, or the files of a release. Every byte is checked first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from wheelworks import files
from wheelworks.checksums import NAME as CHECKSUMS
from wheelworks.checksums import read_checksums
from wheelworks.errors import PublishError
from wheelworks.index import CURRENT
from wheelworks.manifest import Channel, Manifest, manifest_name, read_manifest
from wheelworks.publish.plan import Item, Stage, is_fixed, is_manifest, stage_of

AGAIN = "make it again with `nox -s index`"


def read_index(folder: Path) -> tuple[Item, ...]:
    """Return all files of an index that ``nox -s index`` made; one that is not what its checksums say is refused."""
    tree = folder / CURRENT
    path = tree / CHECKSUMS
    if not path.is_file():
        raise PublishError(f"cannot publish {folder}", why=f"it has no {CURRENT}/{CHECKSUMS}", fix=AGAIN)
    tree = tree.resolve()  # one state, whatever another publisher does
    sums = read_checksums((tree / CHECKSUMS).read_bytes())
    for name in filter(is_manifest, sums):
        _refuse_unproved(read_manifest(tree / name))
    _check(folder, dict(_read(tree, sums)), sums)
    items = [Item(path, sha256, tree / path, stage_of(path), is_fixed(path)) for path, sha256 in sums.items()]
    return (*items, Item(CHECKSUMS, files.sha256_of(path), tree / CHECKSUMS, Stage.LAST, fixed=False))


def read_wheels(manifest: Manifest, folder: Path) -> tuple[Item, ...]:
    """Return the wheels of a release; one that is missing or not that of the manifest is refused."""
    _refuse_unproved(manifest)
    sums = {wheel.file: wheel.sha256 for wheel in manifest.wheels}
    _check(folder, dict(_read(folder, sums)), sums)
    return tuple(Item(name, sha256, folder / name, Stage.WHEEL, fixed=True) for name, sha256 in sums.items())


def read_release(manifest: Manifest, folder: Path) -> tuple[Item, ...]:
    """Return all that is attached to a release: the wheels, their attestations, the manifest and the checksums."""
    wheels = read_wheels(manifest, folder)
    attested = {f"{wheel.file}.provenance": wheel.provenance_sha256 for wheel in manifest.wheels}
    sums = {name: sha256 for name, sha256 in attested.items() if sha256 is not None}
    _check(folder, dict(_read(folder, sums)), sums)
    described = {name: folder / name for name in (*sums, manifest_name(manifest), CHECKSUMS)}
    if missing := [name for name, path in described.items() if not path.is_file()]:
        fix = "make it again with `nox -s manifest`"
        raise PublishError(f"{folder} is not whole", why=f"it has no {' and no '.join(missing)}", fix=fix)
    rest = [Item(name, files.sha256_of(path), path, Stage.METADATA, fixed=True) for name, path in described.items()]
    return (*wheels, *rest)


def _refuse_unproved(manifest: Manifest) -> None:
    if manifest.channel == Channel.PREVIEW:
        name = manifest_name(manifest)
        why, fix = "it is a preview, whose wheels are unproved", "prove them, and run `nox -s manifest`"
        raise PublishError(f"{name} is not published", why=why, fix=fix)


def _read(folder: Path, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in names:
        path = folder / name
        yield name, files.sha256_of(path) if path.is_file() and not path.is_symlink() else "no plain file"


def _check(folder: Path, found: Mapping[str, str], sums: Mapping[str, str]) -> None:
    faults = [f"{name}: expected {sums[name]}, found {found[name]}" for name in sums if found[name] != sums[name]]
    if faults:
        why = "".join(f"\n    {fault}" for fault in faults)
        raise PublishError(f"{folder} is not what its checksums say", why=why, fix=AGAIN)
