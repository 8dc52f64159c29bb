"""The publish stage: an index or a release goes to where users find it.

``plan`` decides what is sent and in which order, ``local`` reads what is to be sent, and each target has its module.
"""

from wheelworks.publish.bucket import Bucket, open_bucket, publish_bucket
from wheelworks.publish.folder import publish_folder
from wheelworks.publish.github import plan_attachment, publish_github
from wheelworks.publish.local import read_index, read_release, read_wheels
from wheelworks.publish.package_index import publish_to_server
from wheelworks.publish.plan import Item, Plan, Stage, plan_publication

__all__ = [
    "Bucket",
    "Item",
    "Plan",
    "Stage",
    "open_bucket",
    "plan_attachment",
    "plan_publication",
    "publish_bucket",
    "publish_folder",
    "publish_github",
    "publish_to_server",
    "read_index",
    "read_release",
    "read_wheels",
]
