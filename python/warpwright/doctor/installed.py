"""What is installed: the copies of this package on the path, their metadata, and their files held against RECORD.

Read from the folders themselves: `importlib.metadata` raises where a file of it is missing or broken.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from warpwright.doctor.facts import Copy, Files, Metadata

NAME = "warpwright"
OWN = "__pycache__"


def copies(path: Sequence[str]) -> tuple[Copy, ...]:
    """Return the folders of this package on a path, the one that is imported first."""
    folders = [folder / NAME for folder in _folders(path) if _is_there(folder / NAME / "__init__.py")]
    return tuple(Copy(str(folder), _recorded_version(folder)) for folder in folders)


def metadata(path: Sequence[str], name: str = NAME) -> tuple[Metadata, ...]:
    """Return the metadata of a distribution on a path, in the path's order."""
    found = [each for folder in _folders(path) for each in _dist_infos(folder) if _name_in(each) == name]
    return tuple(Metadata(str(each), version_in(each), _is_editable(each)) for each in found)


def _folders(path: Sequence[str]) -> list[Path]:
    """Return each folder of a path once, however it is written."""
    once: dict[str, Path] = {}
    for entry in path:
        with contextlib.suppress(OSError, ValueError):  # such as a working directory that was removed
            once.setdefault(os.path.realpath(entry or "."), Path(entry or ".").absolute())
    return [folder for folder in once.values() if _is_there(folder)]


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # such as a name that is too long, or a folder that may not be read
        return False


def _dist_infos(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.name.endswith(".dist-info"))
    except OSError:
        return []


def _name_in(dist_info: Path) -> str:
    """Return the normalised name of a distribution, from the name of its folder."""
    return re.sub(r"[-_.]+", "-", dist_info.name.rpartition("-")[0].rpartition("-")[0]).lower()


def version_in(dist_info: Path) -> str | None:
    """Return the version that METADATA has; None where it has none."""
    found = re.search(r"^Version:[ \t]*(\S+)", _text(dist_info / "METADATA"), re.MULTILINE)
    return found[1] if found else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _json(file: Path) -> dict[str, object]:
    try:
        found = json.loads(_text(file))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _recorded_version(folder: Path) -> str | None:
    version = _json(folder / "_build.json").get("version")
    return version if isinstance(version, str) else None


def _is_editable(dist_info: Path) -> bool:
    about = _json(dist_info / "direct_url.json").get("dir_info")
    return isinstance(about, dict) and about.get("editable") is True


def compare(dist_info: Path) -> Files | None:
    """Hold a package's files against its RECORD; None where that lists none of them, as an editable one's does."""
    root, rows = dist_info.parent, list(_rows(_text(dist_info / "RECORD")))
    own = {name: (sha256, size) for name, sha256, size in rows if name.split("/")[0] in (NAME, dist_info.name)}
    if not any(name.startswith(f"{NAME}/") for name in own):
        return None
    missing = sorted(name for name in own if OWN not in name and not _is_there(root / name))
    damaged = sorted(name for name in own if name not in missing and _is_damaged(root / name, *own[name]))
    foreign = sorted(name for name in _files_under(root) if name not in own)
    return Files(len(own), tuple(damaged), tuple(missing), tuple(foreign))


def _rows(record: str) -> Iterator[tuple[str, str, str]]:
    with contextlib.suppress(csv.Error):  # such as a field of more than 128 KiB
        for row in csv.reader(record.replace("\0", "").splitlines()):
            name, sha256, size = (*row, "", "", "")[:3]
            yield name, sha256, size


def _is_damaged(file: Path, sha256: str, size: str) -> bool:
    """Return whether a file is another one than RECORD tells; where RECORD tells nothing it is taken as it is."""
    kind, _, expected = sha256.partition("=")
    if kind != "sha256":
        return False
    try:
        held = file.read_bytes()
    except OSError:
        return True
    found = base64.urlsafe_b64encode(hashlib.sha256(held).digest()).rstrip(b"=").decode()
    return found != expected.rstrip("=") or (size.isdigit() and int(size) != len(held))


def _files_under(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root / NAME):
        folders[:] = [name for name in folders if name != OWN]
        yield from (Path(folder, name).relative_to(root).as_posix() for name in names)


def owner_of(path: str, places: Sequence[str] | None = None) -> str | None:
    """Return the name and version of the installed distribution whose RECORD lists a file; None where none does."""
    for place in _folders(sys.path if places is None else places):
        folder = Path(os.path.realpath(place))  # a memory map has the file's own path
        if not Path(path).is_relative_to(folder):
            continue
        file = Path(path).relative_to(folder).as_posix()
        for dist_info in _dist_infos(folder):
            if any(row == file for row, _, _ in _listed(dist_info, file)):
                name, _, version = dist_info.name.removesuffix(".dist-info").rpartition("-")
                return f"{name.replace('_', '-')} {version}"
    return None


def _listed(dist_info: Path, name: str) -> Iterator[tuple[str, str, str]]:
    record = _text(dist_info / "RECORD")  # torch's has ten thousand rows: they are parsed where the name is among them
    return _rows(record) if name in record else iter(())
