"""The pages of an index: generated from manifests alone, the same facts in HTML and JSON, everything escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from release_maker import NOTICES, make_release, small_matrix
from wheelworks.errors import IndexingError, ManifestError
from wheelworks.index import Catalogue, Notices, Site, plan_site
from wheelworks.manifest import Channel, Manifest, to_json
from wheelworks.manifest.document import parse_document
from wheelworks.matrix import Matrix

FULL = "warpwright-0.1.0+cu130-cp310-abi3-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"
NEWER = "warpwright-0.1.0+cu135-cp310-abi3-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"
THIN = "warpwright-0.1.0+cu130.sm90a-cp310-abi3-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"


class Anchors(HTMLParser):
    """Reads what an installer reads of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[tuple[dict[str, str | None], str]] = []
        self.metas: dict[str, str | None] = {}
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attrs)
        if tag == "a":
            self.rows.append((values, ""))
        elif tag == "meta" and values.get("name"):
            self.metas[str(values["name"])] = values["content"]

    def handle_data(self, data: str) -> None:
        if self.lasttag == "a" and data.strip():
            self.rows[-1] = (self.rows[-1][0], data)


@pytest.fixture
def matrix(matrix_data: dict[str, Any]) -> Matrix:
    return small_matrix(matrix_data)


@pytest.fixture
def manifest(tmp_path: Path, matrix: Matrix) -> Manifest:
    return make_release(tmp_path / "dist", matrix)


def pages_of(*manifests: Manifest, notices: Notices = NOTICES) -> dict[str, bytes]:
    return {page.path: page.data for page in site_of(*manifests, notices=notices).pages}


def site_of(*manifests: Manifest, notices: Notices = NOTICES) -> Site:
    return plan_site(Catalogue(notices, manifests))


def changed(manifest: Manifest, wheel: dict[str, Any] | None = None, **changes: Any) -> Manifest:
    """Return a manifest with changes to itself and to its first wheel, parsed again."""
    data = manifest.model_dump(mode="json", by_alias=True) | changes
    data["wheels"][0].update(wheel or {})
    return Manifest.model_validate(data)


def files_in(pages: dict[str, bytes], folder: str) -> list[str]:
    return [row["filename"] for row in json.loads(pages[f"{folder}warpwright/index.json"])["files"]]


def test_each_label_has_an_index_of_its_own_and_the_root_leaves_out_thin_sets(manifest: Manifest) -> None:
    pages = pages_of(manifest)
    assert files_in(pages, "") == [FULL, NEWER]
    assert files_in(pages, "cu130/") == [FULL]
    assert files_in(pages, "cu135/") == [NEWER]
    assert files_in(pages, "cu130.sm90a/") == [THIN]


def test_a_universal_wheel_is_the_root_s_only_one_for_its_cpu(manifest: Manifest) -> None:
    universal = "warpwright-0.1.0-cp310-abi3-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"
    data = manifest.model_dump(mode="json", by_alias=True)
    data["wheels"].append(data["wheels"][0] | {"file": universal})
    data["wheels"].append(data["wheels"][0] | {"file": FULL.replace("x86_64", "aarch64"), "architecture": "aarch64"})
    data["wheels"].sort(key=lambda wheel: wheel["file"])
    pages = pages_of(Manifest.model_validate(data))
    assert files_in(pages, "") == [universal, FULL.replace("x86_64", "aarch64")]
    assert files_in(pages, "cu130/") == [FULL.replace("x86_64", "aarch64"), FULL]


def test_the_html_page_has_all_that_an_installer_reads(manifest: Manifest) -> None:
    page = Anchors(pages_of(manifest)["cu130/warpwright/index.html"].decode())
    wheel = next(wheel for wheel in manifest.wheels if wheel.file == FULL)
    ((link, text),) = page.rows
    url, digest = urldefrag(str(link["href"]))
    assert text == FULL
    assert unquote(urljoin("/cu130/warpwright/", url)) == f"/files/{FULL}"
    assert digest == f"sha256={wheel.sha256}"
    assert link["data-requires-python"] == str(wheel.requires_python)
    assert link["data-core-metadata"] == link["data-dist-info-metadata"] == f"sha256={wheel.metadata_sha256}"
    assert "data-yanked" not in link
    assert page.metas["pypi:repository-version"] == "1.0"


def test_the_json_page_has_all_that_an_installer_reads(manifest: Manifest) -> None:
    page = json.loads(pages_of(manifest)["cu130/warpwright/index.json"])
    wheel = next(wheel for wheel in manifest.wheels if wheel.file == FULL)
    assert page == {
        "meta": {"api-version": "1.1"},
        "name": "warpwright",
        "versions": ["0.1.0+cu130"],
        "files": [
            {
                "filename": FULL,
                "url": f"../../files/{FULL.replace('+', '%2B')}",
                "hashes": {"sha256": wheel.sha256},
                "requires-python": ">=3.10",
                "size": wheel.size,
                "upload-time": "2026-01-02T03:04:05.000000Z",
                "yanked": False,
                "core-metadata": {"sha256": wheel.metadata_sha256},
                "data-dist-info-metadata": {"sha256": wheel.metadata_sha256},
            }
        ],
    }


def test_html_and_json_say_the_same_on_every_page(manifest: Manifest) -> None:
    pages = pages_of(manifest)
    for path in [path for path in pages if path.endswith("warpwright/index.json")]:
        rows = json.loads(pages[path])["files"]
        anchors = Anchors(pages[path.replace(".json", ".html")].decode()).rows
        assert [row["filename"] for row in rows] == [text for _, text in anchors]
        assert [f"{row['url']}#sha256={row['hashes']['sha256']}" for row in rows] == [
            link["href"] for link, _ in anchors
        ]


def test_a_root_page_lists_projects_and_nothing_else(manifest: Manifest) -> None:
    pages = pages_of(manifest)
    for folder in ("", "cu130/"):
        assert [(link["href"], text) for link, text in Anchors(pages[f"{folder}index.html"].decode()).rows] == [
            ("warpwright/", "warpwright")
        ]
        assert json.loads(pages[f"{folder}index.json"]) == {
            "meta": {"api-version": "1.1"},
            "projects": [{"name": "warpwright"}],
        }


def test_a_yanked_file_carries_its_reason(manifest: Manifest) -> None:
    yanked = Catalogue(NOTICES, (manifest,)).with_yank(FULL, 'wrong "results" <on> sm80')
    pages = {page.path: page.data for page in plan_site(yanked).pages}
    ((link, _),) = Anchors(pages["cu130/warpwright/index.html"].decode()).rows
    assert link["data-yanked"] == 'wrong "results" <on> sm80'
    assert json.loads(pages["cu130/warpwright/index.json"])["files"][0]["yanked"] == 'wrong "results" <on> sm80'
    assert yanked.with_yank(FULL, None) == Catalogue(NOTICES, (manifest,))


def test_what_the_index_does_not_have_cannot_be_yanked(manifest: Manifest) -> None:
    with pytest.raises(IndexingError, match="cannot yank other.whl"):
        Catalogue(NOTICES, (manifest,)).with_yank("other.whl", "bad")


def test_the_api_version_is_that_of_what_is_served(manifest: Manifest) -> None:
    tracking = pages_of(changed(manifest, tracks=["https://other.example/simple/warpwright/"]))
    page = json.loads(tracking["cu130/warpwright/index.json"])
    assert page["meta"] == {"api-version": "1.2", "tracks": ["https://other.example/simple/warpwright/"]}
    html = Anchors(tracking["cu130/warpwright/index.html"].decode())
    assert html.metas["pypi:tracks"] == "https://other.example/simple/warpwright/"
    assert html.metas["pypi:repository-version"] == "1.2"
    elsewhere = json.loads(
        pages_of(changed(manifest, alternate_locations=["https://mirror.example/"]))["warpwright/index.json"]
    )
    assert (elsewhere["meta"]["api-version"], elsewhere["alternate-locations"]) == ("1.2", ["https://mirror.example/"])


def test_attestations_are_linked_with_a_whole_url(manifest: Manifest) -> None:
    first = manifest.wheels[0].file
    attested = changed(manifest, wheel={"provenance_sha256": "a" * 64})
    site = site_of(attested)
    assert f"files/{first}.provenance" in [content.path for content in site.contents]
    pages = {page.path: page.data for page in site.pages}
    page = json.loads(pages[f"{manifest.wheels[0].label}/warpwright/index.json"])
    assert page["meta"]["api-version"] == "1.3"
    assert page["files"][0]["provenance"] == f"https://wheels.example/files/{first.replace('+', '%2B')}.provenance"


def test_of_the_nightlies_the_newest_are_listed_and_all_are_remembered(tmp_path: Path, matrix: Matrix) -> None:
    nightlies = [
        make_release(tmp_path / str(day), matrix, f"0.2.0.dev{day}", Channel.NIGHTLY) for day in (20260101, 20260102, 9)
    ]
    site = site_of(*nightlies)
    pages = {page.path: page.data for page in site.pages}
    assert json.loads(pages["nightly/cu130/warpwright/index.json"])["versions"] == [
        "0.2.0.dev20260101+cu130",
        "0.2.0.dev20260102+cu130",
    ]
    assert "nightly/warpwright/index.html" in pages
    assert "cu130/warpwright/index.html" not in pages
    assert not [content for content in site.contents if "dev9" in content.path]
    assert "manifests/warpwright-0.2.0.dev9.json" in pages


def test_a_known_file_with_other_bytes_is_refused(manifest: Manifest) -> None:
    catalogue = Catalogue(NOTICES, (manifest,))
    assert catalogue.with_manifest(manifest) == catalogue
    other = changed(manifest, wheel={"sha256": "0" * 64})
    with pytest.raises(IndexingError, match=r"would change[\s\S]*it is known with sha256 [0-9a-f]{64}, and this one"):
        catalogue.with_manifest(other)


def test_a_pruned_nightly_does_not_come_back_with_other_bytes(tmp_path: Path, matrix: Matrix) -> None:
    days = [make_release(tmp_path / str(day), matrix, f"0.2.0.dev{day}", Channel.NIGHTLY) for day in (1, 2, 3)]
    with pytest.raises(IndexingError, match=r"dev1\+.* would change"):
        Catalogue(NOTICES, tuple(days)).with_manifest(changed(days[0], wheel={"sha256": "0" * 64}))


def test_a_known_version_with_another_manifest_is_refused(manifest: Manifest) -> None:
    with pytest.raises(IndexingError, match=r"warpwright 0\.1\.0 would change"):
        Catalogue(NOTICES, (manifest,)).with_manifest(changed(manifest, notes="other"))


def test_a_preview_never_stands_beside_a_release(manifest: Manifest, tmp_path: Path, matrix: Matrix) -> None:
    preview = make_release(tmp_path / "preview", matrix, "0.2.0", Channel.PREVIEW)
    with pytest.raises(IndexingError, match="a preview, which is unproved, stands beside a release"):
        site_of(manifest, preview)


def test_a_project_named_like_a_folder_of_the_index_is_refused(manifest: Manifest) -> None:
    text = manifest.model_dump_json(by_alias=True).replace("warpwright", "files")
    with pytest.raises(IndexingError, match="files names both a project or label and a folder"):
        site_of(Manifest.model_validate_json(text))


def test_the_order_of_manifests_changes_no_byte(manifest: Manifest, tmp_path: Path, matrix: Matrix) -> None:
    newer = make_release(tmp_path / "newer", matrix, "0.2.0")
    assert site_of(manifest, newer) == site_of(newer, manifest)


def test_every_link_of_every_page_is_a_file_of_the_site(manifest: Manifest, tmp_path: Path, matrix: Matrix) -> None:
    nightly = make_release(tmp_path / "nightly", matrix, "0.2.0.dev1", Channel.NIGHTLY)
    site = site_of(manifest, nightly)
    known = {content.path for content in site.contents} | {page.path for page in site.pages}
    for page in site.pages:
        if page.path.endswith(".html"):
            for link, _ in Anchors(page.data.decode()).rows:
                target, _ = urldefrag(unquote(urljoin(f"/{page.path}", str(link["href"]))))
                path = target.lstrip("/")
                assert (f"{path}index.html" if path.endswith("/") else path) in known, (page.path, path)


def test_paths_stay_below_the_folder(manifest: Manifest) -> None:
    site = site_of(manifest)
    for path in [content.path for content in site.contents] + [page.path for page in site.pages]:
        assert not path.startswith("/")
        assert ".." not in path.split("/")


def test_the_page_for_people_names_gpus_drivers_and_lines_to_copy(manifest: Manifest) -> None:
    text = pages_of(manifest)["about/warpwright/index.html"].decode()
    assert "H100, H200" in text
    assert "580 or newer" in text
    assert "uv pip install warpwright==0.1.0 --index https://wheels.example/cu130/" in text
    assert "Not a release" not in text
    assert "script" not in Anchors(text).tags


def test_the_page_of_a_preview_says_that_it_is_no_release(tmp_path: Path, matrix: Matrix) -> None:
    preview = make_release(tmp_path / "preview", matrix, "0.2.0", Channel.PREVIEW)
    text = pages_of(changed(preview, wheel={"unproved": ["no gpu proof"]}))["about/warpwright/index.html"].decode()
    assert "Not a release: unproved" in text
    assert "no gpu proof" in text


def test_a_withdrawn_version_makes_room_for_the_one_before_it(
    manifest: Manifest, tmp_path: Path, matrix: Matrix
) -> None:
    newer = make_release(tmp_path / "newer", matrix, "0.2.0")
    notices = NOTICES.model_copy(update={"yanked": {wheel.file: "wrong results" for wheel in newer.wheels}})
    text = pages_of(manifest, newer, notices=notices)["about/warpwright/index.html"].decode()
    assert '<span class="version">0.1.0</span>' in text
    assert "withdrawn: wrong results" in text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1, max_size=60).map(lambda text: f"{text}<script>alert(1)</script>\"'>&"))
def test_no_text_of_a_manifest_becomes_markup(text: str, manifest: Manifest) -> None:
    manifest = hostile(manifest, text)
    notices = NOTICES.model_copy(update={"yanked": {manifest.wheels[0].file: text}})
    for path, data in pages_of(manifest, notices=notices).items():
        if path.endswith(".html"):
            page = Anchors(data.decode())
            assert "script" not in page.tags, path
            assert not [link for link, _ in page.rows if "javascript" in str(link["href"])]


def hostile(manifest: Manifest, text: str) -> Manifest:
    """Return a manifest with a text in every place that takes any text."""
    proof = manifest.wheels[0].proofs[0].model_dump(mode="json") | {"summary": text}
    wheel = {"lane": text, "architecture": text, "proofs": [proof]}
    return changed(manifest, wheel=wheel, notes=text, tracks=[text], alternate_locations=[text])


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Return the place of every value within a document."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def replaced(value: Any, path: tuple[str | int, ...], new: object) -> Any:
    """Return a document with another value at one place."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


anything = (
    st.text(max_size=30)
    | st.sampled_from(["../../x", "/etc/passwd", "<script>alert(1)</script>", "\x00", "a/b", "9999", "1.0+x/y", ".."])
    | st.integers()
    | st.none()
    | st.lists(st.text(max_size=5), max_size=2)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_manifest_is_refused_or_gives_a_safe_site(data: st.DataObject, manifest: Manifest) -> None:
    document = json.loads(to_json(manifest))
    place = data.draw(st.sampled_from(list(places(document))))
    text = json.dumps(replaced(document, place, data.draw(anything)))
    try:
        site = site_of(parse_document(text.encode(), Manifest, name="manifest.json"))
    except (ManifestError, IndexingError):
        return
    for path in [content.path for content in site.contents] + [page.path for page in site.pages]:
        assert path == "SHA256SUMS" or re.fullmatch(r"[a-z0-9][A-Za-z0-9._+!/-]*", path), path
        assert not {"", ".", ".."} & set(path.split("/")), path
    for page in site.pages:
        assert not page.path.endswith(".html") or "script" not in Anchors(page.data.decode()).tags


@pytest.mark.parametrize("url", ["https://a/<b>/", "javascript:alert(1)/", "https://a", 'https://a/"/', "https://a b/"])
def test_an_index_has_no_hostile_url(url: str) -> None:
    with pytest.raises(ValidationError):
        Notices(url=url, nightlies=1)
