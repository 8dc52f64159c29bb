"""An index in a bucket of a real S3 server: what installers get, what is sent twice, and who is refused."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from client_kit.installers import uv
from release_maker import make_index, policy_of
from wheelworks.audit import Tools
from wheelworks.cli import publish as commands
from wheelworks.errors import ConflictError, PublishError
from wheelworks.matrix import Matrix
from wheelworks.process import run
from wheelworks.publish import Bucket, open_bucket, publish_bucket, read_index
from wheelworks.verify import Signers, open_source, verify

FULL = "warpwright-0.1.0+cu130-cp310-abi3-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"
READERS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}],
}


class Watched:
    """A client that keeps the keys that it sent, and may lose its connection after some of them."""

    def __init__(self, client: Any, after: int = 1 << 30) -> None:
        self.client, self.sent, self.after = client, list[str](), after

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def put_object(self, **words: Any) -> Any:
        if len(self.sent) >= self.after:
            raise KeyboardInterrupt
        self.sent.append(words["Key"])
        return self.client.put_object(**words)


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    for name, value in (
        ("AWS_ENDPOINT_URL_S3", s3_server),
        ("AWS_ACCESS_KEY_ID", "tester"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    name = f"wheels-{uuid4()}"
    client = boto3.client("s3")
    client.create_bucket(Bucket=name)
    client.put_bucket_policy(Bucket=name, Policy=json.dumps(READERS))
    yield open_bucket(f"s3://{name}/pip")
    client.close()


def keys(bucket: Bucket) -> set[str]:
    pages = bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name)
    return {found["Key"] for page in pages for found in page.get("Contents", ())}


def watched(bucket: Bucket, after: int = 1 << 30) -> tuple[Bucket, Watched]:
    client = Watched(bucket.client, after)
    return Bucket(bucket.name, bucket.prefix, client), client


def send(bucket: Bucket, index: Path) -> None:
    publish_bucket(read_index(index), bucket, dry_run=False, show=lambda _: None)


def test_uv_installs_from_a_bucket(bucket: Bucket, s3_server: str, tmp_path: Path, matrix: Matrix) -> None:
    commands.s3(f"s3://{bucket.name}/pip", index=make_index(tmp_path, matrix))
    done = uv(
        "pip", "install", "warpwright", "--no-deps", "--no-cache", "--python-version=3.12",
        "--target", tmp_path / "got", "--python-platform=x86_64-manylinux_2_28",
        "--index-url", f"{s3_server}/{bucket.name}/pip/cu130/",
    )  # fmt: skip
    assert done.ok, done.output
    assert (tmp_path / "got" / "warpwright" / "_build.json").is_file()


def test_an_object_is_what_its_page_says(bucket: Bucket, tmp_path: Path, matrix: Matrix) -> None:
    index = make_index(tmp_path, matrix)
    send(bucket, index)
    found = bucket.client.get_object(Bucket=bucket.name, Key=f"pip/files/{FULL}", ChecksumMode="ENABLED")
    data = found["Body"].read()
    assert data == (index / "files" / FULL).read_bytes()
    assert found["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(data).digest()).decode()
    assert (found["ContentType"], found["CacheControl"]) == ("application/zip", "public, max-age=31536000, immutable")
    door = bucket.client.get_object(Bucket=bucket.name, Key="pip/cu130/warpwright/")
    assert (door["ContentType"], door["CacheControl"]) == ("text/html; charset=utf-8", "no-cache")
    assert door["Body"].read() == (index / "current/cu130/warpwright/index.html").read_bytes()


def test_a_dry_run_sends_nothing(bucket: Bucket, tmp_path: Path, matrix: Matrix) -> None:
    shown: list[str] = []
    publish_bucket(read_index(make_index(tmp_path, matrix)), bucket, dry_run=True, show=shown.append)
    assert f"send files/{FULL} (" in shown[0]
    assert keys(bucket) == set()


def test_pages_are_sent_after_their_files_and_the_root_last(bucket: Bucket, tmp_path: Path, matrix: Matrix) -> None:
    seen, client = watched(bucket)
    send(seen, make_index(tmp_path, matrix))
    wheels = [key for key in client.sent if key.endswith((".whl", ".metadata"))]
    assert set(client.sent[: len(wheels)]) == set(wheels)
    assert client.sent[-3:] == ["pip/index.html", "pip/index.json", "pip/SHA256SUMS"]


@pytest.mark.parametrize("after", [0, 1, 5, 12, 20])
def test_an_interrupted_upload_shows_no_page_without_its_files_and_goes_on(
    after: int, bucket: Bucket, tmp_path: Path, matrix: Matrix
) -> None:
    index = make_index(tmp_path, matrix)
    cut, client = watched(bucket, after)
    with pytest.raises(KeyboardInterrupt):
        send(cut, index)
    there = keys(bucket)
    assert there == set(client.sent)
    wheels = {f"pip/files/{path.name}" for path in (index / "files").iterdir()}
    assert not any(key.endswith((".html", "/")) for key in there) or wheels <= there
    again, client = watched(bucket)
    send(again, index)
    assert not there & set(client.sent)
    assert keys(bucket) == there | set(client.sent)
    third, client = watched(bucket)
    send(third, index)
    assert client.sent == []


def test_another_hash_in_the_bucket_stops_everything(bucket: Bucket, tmp_path: Path, matrix: Matrix) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=f"pip/files/{FULL}", Body=b"another wheel")
    with pytest.raises(ConflictError, match="the target has sha256 [0-9a-f]{64}, and this one is"):
        send(bucket, make_index(tmp_path, matrix))
    assert keys(bucket) == {f"pip/files/{FULL}"}


def test_an_object_that_another_tool_put_is_read_and_kept(bucket: Bucket, tmp_path: Path, matrix: Matrix) -> None:
    index = make_index(tmp_path, matrix)
    data = (index / "files" / FULL).read_bytes()
    bucket.client.put_object(Bucket=bucket.name, Key=f"pip/files/{FULL}", Body=data)
    seen, client = watched(bucket)
    send(seen, index)
    assert f"pip/files/{FULL}" not in client.sent


def test_the_slower_of_two_publishers_is_refused(bucket: Bucket, tmp_path: Path, matrix: Matrix) -> None:
    index = make_index(tmp_path, matrix)
    send(bucket, index)
    added = make_index(tmp_path, matrix, "0.2.0")

    def meddle(_: str) -> None:
        bucket.client.put_object(Bucket=bucket.name, Key="pip/index.html", Body=b"of the faster one")

    items = read_index(added)
    bucket.client.put_object(Bucket=bucket.name, Key="pip/index.html", Body=b"older")
    with pytest.raises(PublishError, match="has changed meanwhile"):
        publish_bucket(items, bucket, dry_run=False, show=meddle)
    found = bucket.client.get_object(Bucket=bucket.name, Key="pip/index.html")
    assert found["Body"].read() == b"of the faster one"


def test_an_index_without_a_published_release_is_refused(bucket: Bucket, tmp_path: Path, matrix: Matrix) -> None:
    send(bucket, make_index(tmp_path / "one", matrix))
    before = keys(bucket)
    with pytest.raises(ConflictError, match=r"manifests/warpwright-0\.1\.0\.json: the target has this release"):
        send(bucket, make_index(tmp_path / "two", matrix, "0.2.0"))
    assert keys(bucket) == before


def test_a_bucket_that_is_not_there_is_named(bucket: Bucket, tmp_path: Path, matrix: Matrix) -> None:
    with pytest.raises(PublishError, match=r"cannot publish to s3://no-such-bucket/\n  why: .*NoSuchBucket"):
        send(Bucket("no-such-bucket", "", bucket.client), make_index(tmp_path, matrix))


@pytest.mark.parametrize("url", ["https://wheels.example/", "s3://", "wheels"])
def test_what_is_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(PublishError, match="it is no URL of a bucket"):
        open_bucket(url)


def test_a_published_bucket_is_verified_over_http(
    bucket: Bucket, s3_server: str, tmp_path: Path, matrix: Matrix
) -> None:
    send(bucket, make_index(tmp_path, matrix))
    source = open_source(f"{s3_server}/{bucket.name}/pip")
    report = verify(source, policy_of(matrix), Tools(run, None), Signers(), on_file=lambda _: None)
    assert (report.findings, report.checked["wheels"]) == ([], 3)
    bucket.client.put_object(Bucket=bucket.name, Key=f"pip/files/{FULL}", Body=b"another wheel")
    report = verify(source, policy_of(matrix), Tools(run, None), Signers(), on_file=lambda _: None)
    assert {finding.path for finding in report.findings} == {f"files/{FULL}", f"files/{FULL}.metadata"}
