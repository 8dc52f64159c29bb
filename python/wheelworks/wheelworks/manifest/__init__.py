"""The manifest stage: proved wheels in ``dist`` become one release, as versioned JSON, or all reasons why not."""

from wheelworks.manifest.collect import Release, collect_release
from wheelworks.manifest.model import (
    Channel,
    Manifest,
    ProofEntry,
    ReleasedWheel,
    manifest_name,
    read_manifest,
    to_json,
)

__all__ = [
    "Channel",
    "Manifest",
    "ProofEntry",
    "Release",
    "ReleasedWheel",
    "collect_release",
    "manifest_name",
    "read_manifest",
    "to_json",
]
