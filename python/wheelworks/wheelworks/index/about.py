"""The page for people: which wheel fits which GPU, CUDA, torch and driver, and the line that installs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wheelworks.index.catalogue import Listed
from wheelworks.index.site import Page
from wheelworks.index.templates import render
from wheelworks.manifest import Channel, Manifest, ProofEntry
from wheelworks.sm import Sm

GPUS = (
    ("7.5", Sm(75), "T4, RTX 20, GTX 16"),
    ("8.0", Sm(80), "A100, A30"),
    ("8.6", Sm(86), "A10, A40, RTX 30"),
    ("8.9", Sm(89), "L4, L40, RTX 40"),
    ("9.0", Sm(90, "a"), "H100, H200, GH200"),
    ("10.0", Sm(100, "a"), "B200, GB200"),
    ("12.0", Sm(120, "a"), "RTX 50, RTX PRO 6000"),
)
"""Compute capability, the code that a wheel needs for it, and well-known GPUs of it (NVIDIA, "CUDA GPUs")."""


EARLIER = 20
"""How many earlier versions the page shows; the index has all."""


@dataclass(frozen=True)
class Offer:
    """What one label of a version offers; its wheels differ in the CPU alone."""

    label: str
    rows: tuple[Listed, ...]
    url: str

    @property
    def name(self) -> str:
        """The name on the page."""
        return self.label or "universal"

    @property
    def first(self) -> Listed:
        """The wheel that stands for all in what they share."""
        return self.rows[0]

    @property
    def architectures(self) -> str:
        """The CPUs, in words."""
        return ", ".join(sorted({row.wheel.architecture for row in self.rows}))

    @property
    def index(self) -> str:
        """The URL of the index that serves this label alone."""
        prefix = "nightly/" if self.first.manifest.channel == Channel.NIGHTLY else ""
        return f"{self.url}{prefix}{self.label}/" if self.label else f"{self.url}{prefix}"

    @property
    def uv(self) -> str:
        """The line that installs it with uv."""
        return f"uv pip install {self._wanted(self.first.version.public)} --index {self.index}"

    @property
    def pip(self) -> str:
        """The line that installs it with pip; the label keeps other indexes from answering."""
        return f'pip install "{self._wanted(str(self.first.version))}" --extra-index-url {self.index}'

    def _wanted(self, version: str) -> str:
        return f"{self.first.manifest.project}=={version}"

    @property
    def proofs(self) -> tuple[ProofEntry, ...]:
        """The proofs of the first wheel."""
        return self.first.wheel.proofs

    def fits(self, gpu: Sm) -> bool:
        """True where the wheel has code for a GPU."""
        return any(Sm.parse(sm).covers(gpu) for sm in self.first.wheel.sms)


@dataclass(frozen=True)
class Version:
    """A version with its offers."""

    manifest: Manifest
    offers: tuple[Offer, ...]

    @property
    def withdrawn(self) -> str | None:
        """Why all of it was yanked; None where a file is still good."""
        reasons = [row.yanked for offer in self.offers for row in offer.rows]
        return next((reason for reason in reasons if reason), None) if all(reasons) else None

    @property
    def unproved(self) -> tuple[str, ...]:
        """What its wheels lack to be a release."""
        return tuple(
            f"{row.wheel.file}: {why}" for offer in self.offers for row in offer.rows for why in row.wheel.unproved
        )


def about_page(path: str, rows: Sequence[Listed], url: str) -> Page:
    """Return the page of a project."""
    versions = sorted(_versions(rows, url), key=lambda version: version.manifest.version, reverse=True)
    steady = [version for version in versions if version.manifest.channel != Channel.NIGHTLY]
    nightly = [version for version in versions if version.manifest.channel == Channel.NIGHTLY]
    shown = next((version for version in steady if version.withdrawn is None), versions[0])
    data = render(
        "about.html",
        name=shown.manifest.project,
        shown=shown,
        older=[version for version in steady if version is not shown][:EARLIER],
        nightly=nightly[:EARLIER],
        gpus=GPUS,
        preview=shown.manifest.channel == Channel.PREVIEW,
    )
    return Page(path, data)


def _versions(rows: Sequence[Listed], url: str) -> list[Version]:
    groups: dict[str, dict[str, list[Listed]]] = {}
    for row in rows:
        groups.setdefault(str(row.manifest.version), {}).setdefault(row.label, []).append(row)
    return [
        Version(
            manifest=next(iter(labels.values()))[0].manifest,
            offers=tuple(Offer(label, tuple(found), url) for label, found in sorted(labels.items())),
        )
        for labels in groups.values()
    ]
