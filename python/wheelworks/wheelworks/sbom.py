"""The software bill of materials of a wheel (PEP 770): what of other projects it is built from, as CycloneDX 1.6.

It is a function of the wheel's version, its lane, the matrix and the units' rows alone: no clock, no random number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from pydantic_core import from_json

from wheelworks.lanes import Lane
from wheelworks.matrix_rows import Source

NAME = "sboms/warpwright.cdx.json"
"""The document's place in the .dist-info folder."""

CUDA_LICENSE = DisjunctiveLicense(
    name="NVIDIA CUDA Toolkit End User License Agreement", url=XsUri("https://docs.nvidia.com/cuda/eula/index.html")
)
LINKED_IN = ("nvidia-cuda-runtime", "nvidia-cuda-cccl")
"""The toolkit's packages whose code comes into the binary, a static library and headers; both name these terms."""


def plan_sbom(version: str, lane: Lane, sources: Iterable[tuple[str, Source]], epoch: int) -> str:
    """Return the text of the document for a wheel of a lane, which has code of some sources (``Policy.parts``)."""
    root = Component(
        name="warpwright",
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref="warpwright",
        purl=PackageURL("pypi", None, "warpwright", version),
        licenses=[DisjunctiveLicense(id="Apache-2.0")],
    )
    parts = [*(_source(name, source) for name, source in sources), *_toolkit(lane)]
    identity = json.dumps([version, lane.name, *(str(part.purl) for part in parts)])
    bom = Bom(components=parts, serial_number=uuid5(NAMESPACE_URL, identity))
    bom.metadata.component = root
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, UTC)
    bom.register_dependency(root, parts)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def same_parts(text: str, other: str) -> bool:
    """True where two documents say the same of the parts, whatever writer and time they are of."""
    return bool(_said(text) == _said(other))


def _said(text: str) -> Any:
    try:
        document = from_json(text)  # a document of any depth is refused by ValueError, never by the stack's end
        return document["components"], document["dependencies"], document["metadata"]["component"]
    except (ValueError, KeyError, TypeError):
        return None


def _source(name: str, source: Source) -> Component:
    """Describe headers of another project, by the commit that they are of."""
    owner, repository = source.repository.removesuffix(".git").split("/")[-2:]
    return Component(
        name=name,
        version=source.version,
        type=ComponentType.LIBRARY,
        bom_ref=name,
        purl=PackageURL("github", owner, repository, source.commit),
        licenses=[DisjunctiveLicense(id=source.license)],
        external_references=[ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(source.repository))],
    )


def _toolkit(lane: Lane) -> Iterator[Component]:
    """Describe what comes from the toolkit: the packages that are linked in, else the toolkit's runtime as a whole."""
    found = [pin.split("==") for pin in lane.toolkit.packages if pin.split("==")[0] in LINKED_IN]
    for name, version in found:
        purl = PackageURL("pypi", None, name, version)
        yield _cuda_part(name, version, purl)
    if not found:
        purl = PackageURL("generic", "nvidia", "cuda-runtime", str(lane.cuda))
        yield _cuda_part("nvidia-cuda-runtime", str(lane.cuda), purl)


def _cuda_part(name: str, version: str, purl: PackageURL) -> Component:
    return Component(
        name=name, version=version, type=ComponentType.LIBRARY, bom_ref=name, purl=purl, licenses=[CUDA_LICENSE]
    )
