"""To an S3-compatible bucket, which has no step that switches all: the order of the files stands in for one.

Each object changes whole, wheels come before the pages that name them, and every write names the state that was seen:
of two publishers at once, the slower one is refused.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from wheelworks.errors import PublishError
from wheelworks.publish.plan import Item, Plan, Stage, plan_publication

AT_ONCE = 16
FOR_EVER = "public, max-age=31536000, immutable"
LONGEST_PUT = 5 << 30
PAGE = "index.html"
TYPES = {
    ".whl": "application/zip",
    ".metadata": "text/plain; charset=utf-8",
    ".provenance": "application/vnd.pypi.integrity.v1+json",
    ".html": "text/html; charset=utf-8",
    "/": "text/html; charset=utf-8",
    ".json": "application/vnd.pypi.simple.v1+json",
    "": "text/plain; charset=utf-8",
}
REFUSED = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


@dataclass(frozen=True)
class Bucket:
    """A bucket, and the folder in it: empty, or with a slash at its end. ``client`` is boto3's."""

    name: str
    prefix: str
    client: Any


def open_bucket(url: str) -> Bucket:
    """Open ``s3://BUCKET/FOLDER``; where it is and who asks comes from the environment, as AWS's own tools read it."""
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        why, fix = "it is no URL of a bucket", "write s3://BUCKET or s3://BUCKET/FOLDER"
        raise PublishError(f"cannot publish to {url!r}", why=why, fix=fix)
    try:
        import boto3  # of the extra `publish`
    except ImportError as error:
        fix = "use `nox -s publish`, or install wheelworks[publish]"
        raise PublishError(f"cannot publish to {url}", why=f"{error.name} is not installed", fix=fix) from error
    folder = parts.path.strip("/")
    with _told(url):
        return Bucket(parts.netloc, f"{folder}/" if folder else "", boto3.client("s3"))


def content_type(path: str) -> str:
    """Say what a file is served as: a manifest is JSON, but no page of the simple API."""
    if path.startswith("manifests/"):
        return "application/json"
    return next(kind for end, kind in TYPES.items() if path.endswith(end))


def publish_bucket(items: Sequence[Item], bucket: Bucket, *, dry_run: bool, show: Callable[[str], None]) -> Plan:
    """Send an index to a bucket; what is there with the same digest is not sent again."""
    wanted = [*items, *_doors(items)]
    with _told(f"s3://{bucket.name}/{bucket.prefix}"):
        tags = dict(_list(bucket))
        plan = plan_publication(wanted, _digests(bucket, wanted, tags))
        show(str(plan))
        if not dry_run:
            _send(bucket, plan, tags)
    return plan


def _doors(items: Sequence[Item]) -> Iterator[Item]:
    """Return each page under its folder's name too: a bucket has no page of a folder, which installers ask for."""
    for item in items:
        if item.path.endswith(f"/{PAGE}"):
            yield replace(item, path=item.path.removesuffix(PAGE))


def _list(bucket: Bucket) -> Iterator[tuple[str, str]]:
    for page in bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name, Prefix=bucket.prefix):
        for found in page.get("Contents", ()):
            yield found["Key"].removeprefix(bucket.prefix), found["ETag"]


def _digests(bucket: Bucket, wanted: Sequence[Item], tags: dict[str, str]) -> dict[str, str]:
    """Return the digest of each object that is to be there; of any other, its tag alone."""
    known = [item.path for item in wanted if item.path in tags]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tags | dict(zip(known, pool.map(lambda path: _digest(bucket, path), known), strict=True))


def _digest(bucket: Bucket, path: str) -> str:
    """Ask for the digest that the bucket itself has checked; where it keeps none, read the object."""
    where = {"Bucket": bucket.name, "Key": f"{bucket.prefix}{path}"}
    checked = bucket.client.head_object(**where, ChecksumMode="ENABLED").get("ChecksumSHA256", "")
    if checked and "-" not in checked:  # with a dash it is one of parts, not of the file
        return base64.b64decode(checked).hex()
    digest = hashlib.sha256()
    for chunk in bucket.client.get_object(**where)["Body"].iter_chunks(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _send(bucket: Bucket, plan: Plan, tags: dict[str, str]) -> None:
    """Send stage after stage: the contents many at once, the pages one after the other."""
    if large := [item.path for item in plan.sent if item.size > LONGEST_PUT]:
        why = f"one upload takes at most {LONGEST_PUT} bytes"
        raise PublishError(f"cannot send {', '.join(large)}", why=why, fix="release smaller wheels")
    for stage in Stage:
        chosen = [item for item in plan.sent if item.stage == stage]
        with ThreadPoolExecutor(AT_ONCE if stage <= Stage.METADATA else 1) as pool:
            list(pool.map(lambda item: _put(bucket, item, tags.get(item.path)), chosen))


def _put(bucket: Bucket, item: Item, tag: str | None) -> None:
    """Send a file with its digest, which the bucket checks, if the object is still what was seen."""
    with item.source.open("rb") as stream:
        bucket.client.put_object(
            Bucket=bucket.name,
            Key=f"{bucket.prefix}{item.path}",
            Body=stream,
            ContentType=content_type(item.path),
            CacheControl=FOR_EVER if item.fixed else "no-cache",
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=base64.b64encode(bytes.fromhex(item.sha256)).decode(),
            **({"IfMatch": tag} if tag else {"IfNoneMatch": "*"}),
        )


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Tell a failure of the client in the pipeline's words."""
    from botocore.exceptions import BotoCoreError, ClientError  # of the extra `publish`

    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in REFUSED:
            fix = "run it again: it begins from what is there now"
            raise PublishError(f"{what} has changed meanwhile", why=str(error), fix=fix) from error
        raise _failed(what, error) from error
    except BotoCoreError as error:
        raise _failed(what, error) from error


def _failed(what: str, error: Exception) -> PublishError:
    fix = (
        "check the bucket, AWS_ENDPOINT_URL_S3 and the credentials; then run it again, what was sent is not sent twice"
    )
    return PublishError(f"cannot publish to {what}", why=str(error), fix=fix)
