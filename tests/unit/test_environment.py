"""What a build sees of a shell: what is let through, what is removed, and what of that is named."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelworks.environment import Group, Tool, close, describe, read_variables

TABLE = read_variables()
READERS = {name for tool in TABLE.tools.values() for name in tool.variables}
PASSED = {name for group in TABLE.passed.values() for name in group.variables}


def words(text: str) -> list[str]:
    return text.split()


DEVELOPER = words("""
AWS_SECRET_ACCESS_KEY CLICOLOR COLORTERM CONDA_PREFIX CONDA_SHLVL DBUS_SESSION_BUS_ADDRESS DISPLAY EDITOR GH_TOKEN HOME
LANG LC_TIME LESSOPEN LOGNAME LS_COLORS MAKEFLAGS NOX_DEFAULT_VENV_BACKEND NVM_DIR OLDPWD PAGER PATH PS1 PWD PYENV_ROOT
NOX_CURRENT_SESSION UV_PYTHON
PYTHONUNBUFFERED PIP_REQUIRE_VIRTUALENV SHELL SHLVL SSH_AUTH_SOCK SSH_CONNECTION TERM TZ USER VIRTUAL_ENV
VIRTUAL_ENV_PROMPT XDG_CURRENT_DESKTOP XDG_DATA_DIRS XDG_RUNTIME_DIR XDG_SESSION_ID _
""")
RUNNER = words("""
ANDROID_SDK_ROOT CI GITHUB_ACTIONS GITHUB_OUTPUT GITHUB_SHA GITHUB_WORKSPACE HOME PATH RUNNER_TEMP RUNNER_TOOL_CACHE
UV_CACHE_DIR VCPKG_INSTALLATION_ROOT
""")

CHANGES_A_WHEEL = words("""
ARCHFLAGS CC CCACHE_BASEDIR CCACHE_COMPILERCHECK CCACHE_CONFIGPATH CCACHE_EXTRAFILES CCACHE_HASHDIR CCACHE_NOHASHDIR
CCACHE_PREFIX CCACHE_SLOPPINESS CFLAGS CMAKE_ARGS CMAKE_CUDA_COMPILER_LAUNCHER CMAKE_GENERATOR CMAKE_PREFIX_PATH
CMAKE_TOOLCHAIN_FILE COMPILER_PATH CPATH CPLUS_INCLUDE_PATH CUDAARCHS CUDACXX CUDAFLAGS CUDAHOSTCXX CUDA_PATH
CUDAToolkit_ROOT CXXFLAGS DESTDIR DOCKER_DEFAULT_PLATFORM GCC_EXEC_PREFIX GIT_DIR GIT_INDEX_FILE INCLUDES LDEMULATION
LDFLAGS LD_LIBRARY_PATH LD_PRELOAD LD_RUN_PATH LIBRARY_PATH NVCC_APPEND_FLAGS NVCC_CCBIN NVCC_PREPEND_FLAGS NVVM_FLAGS
PIP_CONSTRAINT PIP_PRE PTXAS_FLAGS PYTHONHOME PYTHONOPTIMIZE PYTHONPATH SETUPTOOLS_EXT_SUFFIX SKBUILD_CMAKE_ARGS
SKBUILD_CMAKE_DEFINE SKBUILD_WHEEL_PACKAGES UV_BUILD_CONSTRAINT UV_CONFIG_FILE UV_EXCLUDE_NEWER UV_NO_BUILD_ISOLATION
UV_PRERELEASE WARPWRIGHT_VERSION_LABEL _PYTHON_HOST_PLATFORM
""")


def like(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@pytest.mark.parametrize("name", CHANGES_A_WHEEL)
def test_a_variable_that_can_change_a_wheel_is_removed_and_named(name: str) -> None:
    closed = close({name: "poison", "PATH": "/usr/bin"})
    assert closed.removed == (name,)
    assert "poison" not in closed.variables.values()


@pytest.mark.parametrize("names", [DEVELOPER, RUNNER], ids=["a developer's shell", "a CI runner"])
def test_an_ordinary_environment_is_not_worth_a_line(names: list[str]) -> None:
    assert describe(close(dict.fromkeys(names, "value")).removed) is None


def test_what_no_tool_reads_is_removed_without_a_word() -> None:
    closed = close({"PASSWORD_OF_SOMETHING": "secret", "EDITOR": "ed"})
    assert closed.removed == ()
    assert closed.variables == TABLE.set


def test_every_command_gets_the_same_locale_and_zone_and_nobody_is_told() -> None:
    closed = close({"LC_ALL": "de_DE.UTF-8", "LC_TIME": "fr_FR.UTF-8", "TZ": "Asia/Tokyo"})
    assert closed.variables == TABLE.set
    assert (closed.variables["LC_ALL"], closed.variables["TZ"]) == ("C.UTF-8", "UTC")
    assert closed.removed == ()


def test_what_wheelworks_reads_itself_reaches_no_command_and_is_not_named() -> None:
    closed = close({"CXX": "clang++", "CMAKE_BUILD_PARALLEL_LEVEL": "2", "WHEELWORKS_CACHE": "/cache"})
    assert closed.removed == ()
    assert closed.variables == TABLE.set


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("HTTP_PROXY", "", id="an empty value, which turns a proxy off"),
        pytest.param("https_proxy", "http://proxy:3128", id="a name in small letters"),
        pytest.param("UV_INDEX_OURS_PASSWORD", "secret", id="the password of a named index"),
        pytest.param("UV_DEFAULT_INDEX", "https://index.example", id="a name that the family UV_* has too"),
        pytest.param("CCACHE_DIR", "/cache", id="a name that the family CCACHE_* has too"),
        pytest.param("HOME", "/home/user", id="a name that many tools read"),
    ],
)
def test_a_variable_of_a_passed_group_goes_through_unchanged(name: str, value: str) -> None:
    closed = close({name: value})
    assert closed.variables == dict(sorted({**TABLE.set, name: value}.items()))
    assert closed.removed == ()


@pytest.mark.parametrize(
    "name", ["xCXXFLAGS", "CXXFLAGSx", "cxxflags", "UV_INDEX_PASSWORD", "HTTP_PROXY_", "http_PROXY"]
)
def test_a_name_that_only_looks_like_a_listed_one_is_another(name: str) -> None:
    closed = close({name: "poison"})
    assert closed.variables == TABLE.set
    assert name.startswith("UV_") == (closed.removed == (name,))


def test_variables_and_names_come_sorted() -> None:
    closed = close({"TMPDIR": "/tmp", "NVCC_APPEND_FLAGS": "-O0", "HOME": "/", "CXXFLAGS": "-O0", "PATH": "/bin"})
    assert list(closed.variables) == sorted(closed.variables)
    assert closed.removed == ("CXXFLAGS", "NVCC_APPEND_FLAGS")


def test_what_the_readme_tells_users_to_set_reaches_uv() -> None:
    shell = {"UV_TORCH_BACKEND": "cpu", "UV_INDEX_URL": "https://packages.example/simple"}
    assert shell.items() <= close(shell).variables.items()


def test_one_line_names_what_was_removed_and_says_why() -> None:
    line = describe(("CXXFLAGS", "NVCC_APPEND_FLAGS"))
    assert line == (
        "not passed on, since they could change the wheel: CXXFLAGS, NVCC_APPEND_FLAGS; "
        "what a build needs stands in CMakeLists.txt and matrix.toml, and --define adds to it"
    )


@given(st.dictionaries(st.sampled_from(sorted(READERS | PASSED)).map(lambda name: name.replace("*", "X")), st.text()))
def test_a_closed_environment_has_nothing_left_to_remove(environment: dict[str, str]) -> None:
    closed = close(environment)
    again = close(closed.variables)
    assert again.variables == closed.variables
    assert again.removed == ()


def test_a_shell_with_every_variable_of_every_tool_passes_on_what_the_groups_name() -> None:
    poisoned = {name.replace("*", "ANY"): "poison" for name in READERS}
    closed = close(poisoned)
    assert {name for name, value in closed.variables.items() if value == "poison"} == {
        name for name in poisoned if like(name, PASSED)
    }
    silent = {*TABLE.set, *TABLE.read.variables, *TABLE.unnamed.variables}
    assert set(closed.removed) == {name for name in poisoned if not like(name, PASSED | silent)}


@pytest.mark.parametrize("tool", ["nvcc", "gcc", "ld", "ninja", "scikit-build-core", "python"])
def test_of_what_compilers_and_the_backend_read_only_paths_and_scratch_space_are_passed(tool: str) -> None:
    assert PASSED & set(TABLE.tools[tool].variables) <= {"PATH", "TMPDIR", "TMP", "TEMP"}


def test_of_what_cmake_reads_only_the_user_and_certificates_are_passed() -> None:
    harmless = {"HOME", "PATH", "XDG_CONFIG_HOME", "SSL_CERT_DIR", "SSL_CERT_FILE"}
    assert set(TABLE.tools["cmake"].variables) & PASSED == harmless


def test_no_variable_is_in_two_groups() -> None:
    groups: dict[str, Group] = {**TABLE.passed, "read": TABLE.read, "unnamed": TABLE.unnamed}
    homes: dict[str, list[str]] = {}
    for title, group in groups.items():
        for name in group.variables:
            homes.setdefault(name, []).append(title)
    assert {name: titles for name, titles in homes.items() if len(titles) > 1} == {}
    assert PASSED.isdisjoint(TABLE.set)


def test_no_list_names_a_variable_twice() -> None:
    lists: dict[str, Group | Tool] = {**TABLE.passed, **TABLE.tools, "read": TABLE.read, "unnamed": TABLE.unnamed}
    assert [title for title, row in lists.items() if len(row.variables) > len(set(row.variables))] == []


def test_what_is_removed_without_a_word_is_what_some_tool_reads() -> None:
    """All else is removed without a word anyhow."""
    assert [name for name in TABLE.unnamed.variables if not any(fnmatchcase(reader, name) for reader in READERS)] == []


def test_every_list_says_where_its_names_come_from() -> None:
    assert all(tool.source.strip() for tool in TABLE.tools.values())
    assert all(group.why.strip() for group in (*TABLE.passed.values(), TABLE.read, TABLE.unnamed))


def test_the_table_is_parsed_strictly() -> None:
    data = TABLE.model_dump(by_alias=True)
    with pytest.raises(ValueError, match="Extra inputs"):
        type(TABLE).model_validate({**data, "allowed": {}})
    with pytest.raises(ValueError, match="should match pattern"):
        type(TABLE).model_validate({**data, "read": {"why": "because", "variables": ["NO SPACES"]}})


def test_wheelworks_reads_nothing_of_the_shell_that_the_table_does_not_know(project: Path) -> None:
    read = set(_read_by_wheelworks(project / "python" / "wheelworks" / "wheelworks"))
    assert read - PASSED <= set(TABLE.read.variables), "name it under [read] of environment.toml"
    assert set(TABLE.read.variables) <= read, "[read] of environment.toml names what nothing reads"


def _read_by_wheelworks(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        yield from re.findall(r'(?<!\.)(?:os\.environ|environment|environ)(?:\.get\(|\[)"([A-Z_]+)"', text)
