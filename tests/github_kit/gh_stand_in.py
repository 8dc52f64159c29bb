"""A gh in whose place a folder keeps the releases: ``GITHUB_FOLDER/TAG/release.json`` and the files beside it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RECORD = "release.json"


def main(words: Sequence[str]) -> None:
    """Do what `gh release` does."""
    assert os.environ.get("GH_TOKEN"), "gh asks for a token, and this step has none"
    assert words[0] == "release", words
    folder = Path(os.environ["GITHUB_FOLDER"]) / words[2]
    {"view": view, "create": create, "upload": upload, "edit": edit}[words[1]](folder, words[3:])


def view(folder: Path, words: Sequence[str]) -> None:
    assert list(words) == ["--json", "isDraft,assets"]
    if not folder.exists():
        sys.exit("release not found")
    assets = [
        {"name": path.name, "state": "uploaded", "digest": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"}
        for path in sorted(folder.iterdir())
        if path.name != RECORD
    ]
    sys.stdout.write(json.dumps({"isDraft": read(folder)["draft"], "assets": assets}))


def create(folder: Path, words: Sequence[str]) -> None:
    assert "--verify-tag" in words
    folder.mkdir(parents=True)
    write(folder, {"draft": "--draft" in words, "notes": words[words.index("--notes") + 1]})


def upload(folder: Path, words: Sequence[str]) -> None:
    assert read(folder)["draft"], "a public release gets no new file"
    for word in words:
        shutil.copyfile(word, folder / Path(word).name)


def edit(folder: Path, words: Sequence[str]) -> None:
    assert list(words) == ["--draft=false"]
    write(folder, {**read(folder), "draft": False})


def read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return found


def write(folder: Path, data: dict[str, Any]) -> None:
    (folder / RECORD).write_text(json.dumps(data), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
