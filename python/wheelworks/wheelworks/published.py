"""The index that users see, brought to this machine: a release is added to it, and what was there stays."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

from wheelworks import files
from wheelworks.checksums import NAME as CHECKSUMS
from wheelworks.checksums import read_checksums
from wheelworks.errors import PublishError
from wheelworks.index import CURRENT
from wheelworks.publish import publish_folder, read_index

AT_ONCE = 8
LARGEST = 1 << 30
PATIENCE = 60.0
ABSENT = (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN)


def fetch_index(url: str, into: Path, *, show: Callable[[str], None]) -> None:
    """Bring a published index into a folder, each file checked; where none is published yet, say so and change nothing.

    A bucket that may not be listed answers 403 for what is not there. Taking such an answer for the truth does no harm:
    the publish stage refuses an index that lacks what the target has.
    """
    data = _read(f"{url}{CHECKSUMS}", missing_is_none=True)
    if data is None:
        show(f"{url} has no index yet: the first release begins one")
        return
    with TemporaryDirectory(prefix="wheelworks-") as scratch:
        tree = Path(scratch) / CURRENT
        names = [CHECKSUMS, *read_checksums(data)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda name: files.write_new(tree / name, _read(f"{url}{quote(name)}") or b""), names))
        publish_folder(read_index(Path(scratch)), into, dry_run=False, show=show)


def _read(url: str, *, missing_is_none: bool = False) -> bytes | None:
    try:
        with urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310  # the matrix allows http and https alone
            data: bytes = answer.read(LARGEST + 1)
    except HTTPError as error:
        if missing_is_none and error.code in ABSENT:
            return None
        raise _failed(url, f"the server answers {error.code}") from error
    except (OSError, HTTPException) as error:
        raise _failed(url, str(error)) from error
    if len(data) > LARGEST:
        raise _failed(url, f"it has more than {LARGEST} bytes")
    return data


def _failed(url: str, why: str) -> PublishError:
    fix = "check the URL and the network; then run it again, nothing was changed"
    return PublishError(f"cannot read {url}", why=why, fix=fix)
