"""The verify stage: everything on an index, on this machine or on a server, is checked again.

``source`` reads, ``check`` walks, ``wheels``, ``pages`` and ``attestations`` judge, ``report`` has the words.
"""

from wheelworks.verify.attestations import Signers
from wheelworks.verify.check import verify
from wheelworks.verify.report import Finding, Report
from wheelworks.verify.source import Source, open_source

__all__ = ["Finding", "Report", "Signers", "Source", "open_source", "verify"]
