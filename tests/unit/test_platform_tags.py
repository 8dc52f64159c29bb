"""The tags of a wheel: its best one and the oldest supported glibc's, in auditwheel's words; and which are no lie."""

from __future__ import annotations

import pytest
from packaging.version import Version

from wheelworks.audit.platform_tags import Platform, is_earned, platform_tags, promised_tag

OLDEST = Version("2.28")


def best(tag: str) -> Platform:
    return Platform(tag=tag, obstacles="")


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("manylinux_2_24_x86_64", "manylinux_2_24_x86_64.manylinux_2_28_x86_64"),
        ("manylinux_2_24_aarch64", "manylinux_2_24_aarch64.manylinux_2_28_aarch64"),
        ("manylinux_2_28_x86_64", "manylinux_2_28_x86_64"),
        ("manylinux_2_17_x86_64", "manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64"),
        ("manylinux_2_5_x86_64", "manylinux1_x86_64.manylinux_2_28_x86_64.manylinux_2_5_x86_64"),
        ("manylinux_2_34_x86_64", "manylinux_2_34_x86_64"),
        ("linux_x86_64", "linux_x86_64"),
    ],
)
def test_a_wheel_has_its_best_tag_and_that_of_the_oldest_glibc_where_it_runs_there(tag: str, expected: str) -> None:
    assert ".".join(platform_tags(best(tag), OLDEST)) == expected


@pytest.mark.parametrize("tag", ["manylinux_2_34_x86_64", "linux_x86_64"])
def test_nothing_is_promised_of_a_wheel_that_the_oldest_glibc_cannot_load(tag: str) -> None:
    assert promised_tag(best(tag), OLDEST) is None


@pytest.mark.parametrize(
    ("tag", "earned"),
    [
        ("manylinux_2_17_x86_64", True),
        ("manylinux2014_x86_64", True),
        ("manylinux_2_28_x86_64", True),
        ("manylinux_2_12_x86_64", False),
        ("manylinux2010_x86_64", False),
        ("manylinux_2_17_aarch64", False),
        ("linux_x86_64", False),
        ("any", False),
    ],
)
def test_a_tag_is_earned_that_names_the_best_glibc_or_a_newer_one(tag: str, earned: bool) -> None:
    assert is_earned(tag, best("manylinux_2_17_x86_64")) is earned


@pytest.mark.parametrize(("tag", "earned"), [("linux_x86_64", True), ("manylinux_2_28_x86_64", False)])
def test_a_wheel_that_no_manylinux_fits_earns_its_linux_tag_alone(tag: str, earned: bool) -> None:
    assert is_earned(tag, best("linux_x86_64")) is earned
