"""The version stands in one place, and a release's text is its section of the changelog."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from wheelworks.errors import VersionError
from wheelworks.versions import SOURCE, changelog_section, check_tag, parse_version, set_version, source_version

CHANGELOG = """# Changelog

## Unreleased

- to come

## 0.2.0 - 2026-02-03

### Added

- two

## [0.1.0] - 2026-01-02

- one

## 0.0.9 - 2026-01-01
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / SOURCE
    path.parent.mkdir(parents=True)
    path.write_text('"""The one place where the version stands."""\n\n__version__ = "0.1.0"\n', encoding="utf-8")
    return tmp_path


def test_the_version_is_read_from_its_one_place(source: Path, project: Path) -> None:
    assert source_version(source) == Version("0.1.0")
    assert source_version(project).local is None


def test_a_new_version_changes_one_line(source: Path) -> None:
    before = (source / SOURCE).read_text(encoding="utf-8")
    set_version(source, Version("0.2.0.dev20260102"))
    assert source_version(source) == Version("0.2.0.dev20260102")
    assert (source / SOURCE).read_text(encoding="utf-8") == before.replace("0.1.0", "0.2.0.dev20260102")


def test_a_source_without_version_is_refused(source: Path) -> None:
    (source / SOURCE).write_text("", encoding="utf-8")
    with pytest.raises(VersionError, match="names no version"):
        source_version(source)


@pytest.mark.parametrize(
    ("text", "why"),
    [("one", "PEP 440 cannot read it"), ("0.1.0+cu130", "expected 0.1.0"), ("0.1.0-1", "expected 0.1.0.post1")],
)
def test_a_version_that_is_not_normal_or_has_a_label_is_refused(text: str, why: str) -> None:
    with pytest.raises(VersionError, match=why):
        parse_version(text)


@pytest.mark.parametrize("tag", ["v0.1.1", "0.1.0", "v0.1.0+cu130", "v0.1"])
def test_a_tag_of_another_version_is_refused(tag: str) -> None:
    with pytest.raises(VersionError, match=rf"the tag {tag.replace('+', '.')} is not of this source"):
        check_tag(tag, Version("0.1.0"))


def test_the_version_s_own_tag_is_taken() -> None:
    check_tag("v0.1.0", Version("0.1.0"))


@pytest.mark.parametrize(("version", "text"), [("0.2.0", "### Added\n\n- two\n"), ("0.1.0", "- one\n")])
def test_the_section_of_a_version_is_the_release_s_text(version: str, text: str) -> None:
    assert changelog_section(CHANGELOG, Version(version)) == text


@pytest.mark.parametrize("version", ["0.3.0", "0.0.9", "0.2"])
def test_a_version_without_text_in_the_changelog_is_refused(version: str) -> None:
    with pytest.raises(VersionError, match=rf"CHANGELOG\.md has no text for {version}"):
        changelog_section(CHANGELOG, Version(version))
