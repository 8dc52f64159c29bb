"""What the loader reads of a library; a damaged library is an error, never a crash."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wheel_maker import EXTENSION, compile_library
from wheelworks.elf import read_elf, symbols_of
from wheelworks.errors import AuditError


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("library") / "a.so"
    compile_library(path, EXTENSION)
    return path


def test_a_library_is_read(library: Path) -> None:
    elf = read_elf(library, "a.so")
    assert elf is not None
    assert set(elf.needed) == {"libtorch.so", "libc.so.6"}
    assert elf.full_relro
    assert not elf.executable_stack
    assert elf.run_path == ()
    assert "torch_call_dispatcher" in elf.undefined
    assert elf.has_device_code


def test_needed_symbols_are_those_that_some_other_library_must_have(tmp_path: Path) -> None:
    source = """
    extern void torch_a(void); extern __attribute__((weak)) void torch_b(void);
    extern int puts(const char*);
    void given(void) { torch_a(); if (torch_b) torch_b(); puts("a"); }
    """
    compile_library(tmp_path / "a.so", source)
    found = symbols_of(tmp_path / "a.so", "a.so")
    assert found.needed == {"torch_a"}, "a weak one may be missing, and puts names its library by its version"
    assert "given" in found.exported
    assert "torch_a" not in found.exported


def test_symbols_of_no_library_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.so").write_bytes(b"text")
    with pytest.raises(AuditError, match="cannot read the symbols of a.so"):
        symbols_of(tmp_path / "a.so", "a.so")


@pytest.mark.parametrize("data", [b"", b"text", b"!<arch>\n"], ids=["empty", "text", "static library"])
def test_other_files_are_no_libraries(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(data)
    assert read_elf(tmp_path / "a", "a") is None


def test_a_library_cut_short_is_an_error(library: Path, tmp_path: Path) -> None:
    (tmp_path / "a.so").write_bytes(library.read_bytes()[:1000])
    with pytest.raises(AuditError, match="cannot read a.so as an ELF file"):
        read_elf(tmp_path / "a.so", "a.so")


@settings(max_examples=300, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(4, 20_000), st.integers(0, 255)), min_size=1, max_size=12),
    header=st.lists(st.tuples(st.integers(4, 63), st.integers(0, 255)), max_size=4),
    cut=st.one_of(st.none(), st.integers(4, 20_000)),
)
def test_no_change_of_bytes_breaks_the_reader(
    library: Path, changes: list[tuple[int, int]], header: list[tuple[int, int]], cut: int | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    data = bytearray(library.read_bytes())
    for index, value in [*changes, *header]:
        data[index % len(data)] = value
    path = tmp_path_factory.mktemp("fuzz") / "a.so"
    path.write_bytes(data[:cut])
    try:
        read_elf(path, "a.so")
    except AuditError as error:
        assert "a.so" in str(error)  # noqa: PT017 - the error is one of two right answers
