"""Version provider of the kernel distribution: the version in the source, and the lane's label.

scikit-build-core calls it for the metadata and for the build alike, so METADATA, file name and the wheel's own record
carry the same label from the start.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

LABEL = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")
VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


def dynamic_metadata(field: str, settings: Mapping[str, object]) -> str:
    """Read the version from the file ``input`` and append ``WARPWRIGHT_VERSION_LABEL`` as PEP 440's local version."""
    if field != "version":
        raise ValueError(f"labelled_version provides the version alone, asked for {field!r}")
    source = Path(str(settings["input"]))
    found = VERSION.search(source.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f'{source} has no line __version__ = "..."')
    label = os.environ.get("WARPWRIGHT_VERSION_LABEL", "")
    if label and LABEL.fullmatch(label) is None:
        raise ValueError(
            f"WARPWRIGHT_VERSION_LABEL is {label!r}: a label is lower-case words and digits, such as cu130"
        )
    return f"{found[1]}+{label}" if label else found[1]


def get_requires_for_dynamic_metadata(_settings: Mapping[str, object]) -> list[str]:
    """Need nothing beyond the standard library."""
    return []
