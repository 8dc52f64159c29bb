"""The index stage: manifests become the pages of a package index, written whole or not at all.

``catalogue`` has the manifests, ``plan`` decides every byte, ``write`` puts them into a folder.
"""

from wheelworks.index.catalogue import Catalogue, Listed, Notices
from wheelworks.index.plan import plan_site
from wheelworks.index.site import Content, Page, Part, Site
from wheelworks.index.write import CURRENT, Changes, locked, swap, update_index

__all__ = [
    "CURRENT",
    "Catalogue",
    "Changes",
    "Content",
    "Listed",
    "Notices",
    "Page",
    "Part",
    "Site",
    "locked",
    "plan_site",
    "swap",
    "update_index",
]
