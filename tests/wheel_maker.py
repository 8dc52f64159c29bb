"""Makes small wheels, good and bad, and small libraries for them."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wheelworks.matrix import Matrix

# A module of the limited API that needs one symbol which came with torch 2.10, and has a section for device code.
EXTENSION = """
extern int torch_call_dispatcher(const char*, const char*, void*, unsigned long);
extern void* PyModule_Create2(void*, int);
__attribute__((section(".nv_fatbin"))) const char fatbin[] = "device code";
__attribute__((visibility("default"))) void* PyInit__C(void) {
  torch_call_dispatcher("a", "b", 0, 0);
  return PyModule_Create2(0, 3);
}
"""
HARDENED = ("-Wl,-z,relro,-z,now,-z,noexecstack",)
OLDEST_PLATFORM = "manylinux1_x86_64.manylinux_2_28_x86_64.manylinux_2_5_x86_64"
"""What a repair gives a wheel with this module, which needs no symbol newer than glibc 2.5's."""


def compile_library(target: Path, source: str = EXTENSION, options: Sequence[str] = HARDENED) -> bytes:
    """Compile a shared library that needs libtorch.so, and give its bytes."""
    torch = target.parent / "libtorch.so"
    if not torch.exists():
        _gcc("-Wl,-soname,libtorch.so", "-o", torch, source="void nothing_of_torch(void) {}")
    _gcc("-o", target, "-Wl,--no-as-needed", torch, *options, source=source)
    return target.read_bytes()


def _gcc(*words: str | Path, source: str) -> None:
    command = ["gcc", "-shared", "-fPIC", "-s", "-x", "c", "-", "-x", "none", *map(str, words)]
    subprocess.run(command, input=source.encode(), check=True, capture_output=True)


@dataclass
class WheelMaker:
    """A wheel to be: change a field, then make it. RECORD is right unless a test says otherwise."""

    name: str = "warpwright"
    version: str = "0.1.0+cu130"
    tag: str = "cp310-abi3-linux_x86_64"
    files: dict[str, bytes] = field(default_factory=dict)
    requires: tuple[str, ...] = ("torch>=2.10",)
    requires_python: str = ""
    metadata_version: str = ""
    metadata_name: str = ""
    wheel_tag: str = ""
    record: str | None = None
    extra: list[tuple[zipfile.ZipInfo | str, bytes]] = field(default_factory=list)

    def make(self, folder: Path) -> Path:
        """Write the wheel and give its path."""
        path = folder / f"{self.name}-{self.version}-{self.tag}.whl"
        info = f"{self.name}-{self.version}.dist-info"
        files = {**self.files, f"{info}/METADATA": self._metadata(), f"{info}/WHEEL": self._wheel()}
        record = record_of(files, f"{info}/RECORD") if self.record is None else self.record
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile warns of a second entry of one name, which a test may want
            for name, data in [*files.items(), (f"{info}/RECORD", record.encode()), *self.extra]:
                archive.writestr(_undated(name), data)
        return path

    def _metadata(self) -> bytes:
        lines = ["Metadata-Version: 2.4", f"Name: {self.metadata_name or self.name}"]
        lines += [f"Version: {self.metadata_version or self.version}"]
        lines += [f"Requires-Python: {self.requires_python}"] if self.requires_python else []
        return "\n".join([*lines, *(f"Requires-Dist: {line}" for line in self.requires), "", ""]).encode()

    def _wheel(self) -> bytes:
        """Return WHEEL; it has a line for each tag, as the file name has them all in one."""
        start, _, platforms = self.tag.rpartition("-")
        tags = [self.wheel_tag] if self.wheel_tag else [f"{start}-{platform}" for platform in platforms.split(".")]
        lines = ["Wheel-Version: 1.0", "Root-Is-Purelib: false", *(f"Tag: {tag}" for tag in tags), ""]
        return "\n".join(lines).encode()


def record_of(files: Mapping[str, bytes], record: str) -> str:
    """Return the text of RECORD."""
    rows = [f"{name},sha256={_digest(data)},{len(data)}" for name, data in files.items()]
    return "\n".join([*rows, f"{record},,", ""])


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def build_record(matrix: Matrix, **changes: Any) -> bytes:
    """Return the build's own record for the matrix's first lane."""
    lane = matrix.lanes[0]
    record = {
        "schema": 1,
        "version": "0.1.0+cu130",
        "lane": lane.name,
        "cuda": str(matrix.toolkits[lane.toolkit].cuda),
        "nvcc": "13.0.88",
        "build_type": "Release",
        "sm_set": list(matrix.sm_sets[lane.sm_set]),
        **{name: source.commit for name, source in matrix.sources.items()},
    }
    return json.dumps(record | changes).encode()


def _undated(name: zipfile.ZipInfo | str) -> zipfile.ZipInfo:
    """Return a member of one date, so that a wheel that is made twice has the same bytes."""
    if isinstance(name, zipfile.ZipInfo):
        return name
    info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return info
