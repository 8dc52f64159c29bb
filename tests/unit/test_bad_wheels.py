"""Every kind of bad wheel: the audit names it, writes nothing outside its own folder and leaves nothing there."""

from __future__ import annotations

import stat
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_code import CUOBJDUMP, FakeCuobjdump
from wheel_maker import EXTENSION, HARDENED, WheelMaker, compile_library
from wheelworks.audit import Tools, audit_wheels
from wheelworks.audit.evidence import gather
from wheelworks.audit.path_checks import check_build_paths
from wheelworks.audit.wheel_checks import check_label, check_name_and_version, check_record, check_tags
from wheelworks.errors import WheelworksError
from wheelworks.matrix import load_matrix
from wheelworks.policy import Policy, plan_policy
from wheelworks.units import read_units
from wheelworks.wheel import read_wheel

Change = Callable[["Draft"], None]
PROJECT = Path(__file__).parents[2]
POLICY = plan_policy(load_matrix(PROJECT / "matrix.toml"), read_units(PROJECT))


@dataclass
class Draft:
    """A good wheel on its way to a bad one: its parts, its device code, and what happens to the finished file."""

    maker: WheelMaker
    code: FakeCuobjdump
    libraries: Path
    damage: Callable[[bytes], bytes] = bytes


def library(draft: Draft, source: str = EXTENSION, *options: str) -> None:
    draft.maker.files["warpwright/_C.abi3.so"] = compile_library(
        draft.libraries / "bad.so", source, [*HARDENED, *options]
    )


def wrong_tag(draft: Draft) -> None:
    draft.maker.tag = "cp310-abi3-manylinux_2_34_x86_64"


def wrong_label(draft: Draft) -> None:
    draft.maker.version = "0.1.0+cu124"


def unstable_symbol(draft: Draft) -> None:
    library(draft, EXTENSION.replace("torch_call_dispatcher", "_ZN2at5emptyEv"))


def stray_driver(draft: Draft) -> None:
    stub = draft.libraries / "libcuda.so.1"
    compile_library(stub, "void nothing(void) {}", ["-Wl,--as-needed", "-Wl,-soname,libcuda.so.1"])
    library(draft, EXTENSION, str(stub))


def missing_sm(draft: Draft) -> None:
    draft.code = FakeCuobjdump([kernel for kernel in draft.code.kernels if kernel.sm != "90a"])


def cut_short(draft: Draft) -> None:
    draft.damage = lambda data: data[: len(data) // 2]


def record_mismatch(draft: Draft) -> None:
    draft.maker.record = "warpwright/_C.abi3.so,sha256=AAAA,1\n"


def path_escape(draft: Draft) -> None:
    draft.maker.extra = [("../../escaped", b"evil")]


def absolute_path(draft: Draft) -> None:
    draft.maker.extra = [(f"{draft.libraries}/escaped", b"evil")]


def symbolic_link(draft: Draft) -> None:
    link = zipfile.ZipInfo("warpwright/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    draft.maker.extra = [(link, b"/etc"), ("warpwright/link/escaped", b"evil")]


def zip_bomb(draft: Draft) -> None:
    draft.maker.extra = [("warpwright/zeros", bytes(20 << 20))]


def non_ascii_name(draft: Draft) -> None:
    draft.maker.extra = [("warpwright/k\u0435rnel.py", b"")]


BAD: dict[str, tuple[Change, str]] = {
    "wrong tag": (wrong_tag, "platform-tag"),
    "wrong label": (wrong_label, "label"),
    "at:: symbol": (unstable_symbol, "torch-symbols"),
    "stray libcuda": (stray_driver, "needed-library"),
    "missing SM": (missing_sm, "sm-missing"),
    "truncated zip": (cut_short, "WheelError: File is not a zip file"),
    "RECORD mismatch": (record_mismatch, "record"),
    "path escape": (path_escape, "path-escape"),
    "absolute path": (absolute_path, "path-escape"),
    "symlink": (symbolic_link, "not-a-plain-file"),
    "zip bomb": (zip_bomb, "zip-bomb"),
    "non-ASCII name": (non_ascii_name, "unsafe-name"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_wheel_has_its_name_and_nothing_is_left_behind(
    case: str, maker: WheelMaker, device_code: FakeCuobjdump, billed: Callable[..., WheelMaker], policy: Policy,
    libraries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    change, expected = BAD[case]
    draft = Draft(maker, device_code, libraries)
    change(draft)
    wheel = billed(draft.maker, draft.code).make(tmp_path / "in")
    wheel.write_bytes(draft.damage(wheel.read_bytes()))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    before = contents(tmp_path) | contents(libraries)
    audits = audit_wheels([wheel], policy, Tools(draft.code, CUOBJDUMP))
    told = [f"{type(error).__name__}: {error.why}" for error in audits.errors]
    told += [str(finding.rule) for audit in audits.audits for finding in audit.findings]
    assert expected in told
    assert contents(tmp_path) | contents(libraries) == before


def contents(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


TEXTS = st.text(st.characters(codec="utf-8"), max_size=200)
LINES = st.lists(
    st.tuples(st.sampled_from(["Name", "Version", "Tag", "Requires-Dist", "Wheel-Version", "X"]), TEXTS), max_size=6
).map(lambda rows: "".join(f"{key}: {value}\n" for key, value in rows))


GOOD_METADATA = "Metadata-Version: 2.4\nName: warpwright\nVersion: 0.1.0+cu130\n"
GOOD_WHEEL = "Wheel-Version: 1.0\nTag: cp310-abi3-linux_x86_64\n"


@settings(max_examples=200, deadline=None)
@given(
    metadata=LINES | st.builds(GOOD_METADATA.__add__, LINES | TEXTS),
    wheel=LINES | st.builds(GOOD_WHEEL.__add__, LINES | TEXTS),
    record=TEXTS | st.lists(st.tuples(TEXTS, TEXTS, TEXTS).map(",".join), max_size=4).map("\n".join),
    build=TEXTS | st.just('{"schema": 1}'),
)
def test_no_text_in_a_wheel_breaks_its_readers_or_the_checks_on_it(
    metadata: str, wheel: str, record: str, build: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    path = folder / "warpwright-0.1.0+cu130-cp310-abi3-linux_x86_64.whl"
    info = "warpwright-0.1.0+cu130.dist-info"
    texts = {f"{info}/METADATA": metadata, f"{info}/WHEEL": wheel, f"{info}/RECORD": record}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**texts, "warpwright/_build.json": build}.items():
            archive.writestr(name, text)
    try:
        evidence = gather(read_wheel(path), folder / "work", POLICY, Tools(FakeCuobjdump(()), CUOBJDUMP))
        checks = (check_name_and_version, check_tags, check_label, check_record, check_build_paths)
        outcomes = [outcome for check in checks for outcome in check(evidence)]
    except WheelworksError as error:
        assert path.name in str(error)  # noqa: PT017 - the error is one of two right answers
    else:
        assert outcomes
