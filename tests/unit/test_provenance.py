"""The commit of a wheel is that of every byte that could be in it, or it is called dirty, or unknown."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from doubles import FakeRunner
from wheel_maker import WheelMaker
from wheelworks.errors import ProvenanceError
from wheelworks.process import run
from wheelworks.provenance import Origin, find_origin, require_known, with_contents
from wheelworks.wheel import read_wheel

FILES = {
    "CMakeLists.txt": "project(x)\n",
    "csrc/a.cpp": "int a;\n",
    "include/a.h": "#pragma once\n",
    "python/warpwright/__init__.py": "",
    "python/warpwright/py.typed": "",
    ".gitignore": "__pycache__/\n*.so\n/build/\n",
}


def git(checkout: Path, *words: str) -> str:
    identity = ["-c", "user.name=Someone", "-c", "user.email=someone@example.com"]
    done = subprocess.run(["git", "-C", checkout, *identity, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "csrc" / "link.cpp").symlink_to("a.cpp")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


def test_a_clean_checkout_has_its_commits_name(checkout: Path) -> None:
    origin = find_origin(checkout, run)
    assert origin.name == git(checkout, "rev-parse", "HEAD")
    assert origin.sentence is None
    require_known(origin)


@pytest.mark.parametrize(
    ("name", "text", "change"),
    [
        ("csrc/a.cpp", "int b;\n", "csrc/a.cpp is not the commit's"),
        ("csrc/a.cpp", None, "csrc/a.cpp is missing"),
        ("csrc/link.cpp", "int a;\n", "csrc/link.cpp is not the commit's"),
        ("python/warpwright/new.py", "", "python/warpwright/new.py is not in the commit"),
        ("python/warpwright/_C.abi3.so", "ignored", "python/warpwright/_C.abi3.so is not in the commit"),
        ("csrc/gemm/new.cpp", "", "csrc/gemm/new.cpp is not in the commit"),
        ("include/stdio.h", "", "include/stdio.h is not in the commit"),
        ("csrc/__pycache__/new.cpp", "", "csrc/__pycache__/new.cpp is not in the commit"),
    ],
    ids=[
        "changed",
        "missing",
        "a file for a link",
        "untracked",
        "ignored",
        "taken by a pattern",
        "a header that shadows",
        "a source in a folder that git ignores",
    ],
)
def test_what_could_enter_a_wheel_and_is_not_the_commits_makes_it_dirty(
    name: str, text: str | None, change: str, checkout: Path
) -> None:
    path = checkout / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text, encoding="utf-8")
    origin = find_origin(checkout, run)
    assert origin.changes == (change,)
    assert origin.name == f"{git(checkout, 'rev-parse', 'HEAD')}-dirty"
    assert origin.sentence == f"the proof will name the commit as dirty: {change}"
    with pytest.raises(ProvenanceError, match=change):
        require_known(origin)


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_a_change_that_git_was_told_to_overlook_is_seen(flag: str, checkout: Path) -> None:
    git(checkout, "update-index", flag, "csrc/a.cpp")
    (checkout / "csrc" / "a.cpp").write_text("int b;\n", encoding="utf-8")
    assert find_origin(checkout, run).changes == ("csrc/a.cpp is not the commit's",)


def test_line_ends_that_a_users_git_has_changed_are_seen(checkout: Path) -> None:
    git(checkout, "config", "core.autocrlf", "true")
    (checkout / "csrc" / "a.cpp").unlink()
    git(checkout, "checkout", "--", "csrc/a.cpp")
    assert find_origin(checkout, run).changes == ("csrc/a.cpp is not the commit's",)


def test_a_file_that_was_made_a_program_makes_it_dirty_as_its_mode_enters_the_wheel(checkout: Path) -> None:
    git(checkout, "config", "core.fileMode", "false")
    (checkout / "python" / "warpwright" / "__init__.py").chmod(0o755)
    assert find_origin(checkout, run).changes == ("python/warpwright/__init__.py has not the commit's mode",)


def test_the_mode_that_a_shells_umask_gave_a_checkout_leaves_it_clean(checkout: Path) -> None:
    for path in checkout.rglob("*.py"):
        path.chmod(0o600)
    assert find_origin(checkout, run).sentence is None


def test_a_commit_that_git_was_told_to_replace_counts_as_it_is(checkout: Path) -> None:
    first = git(checkout, "rev-parse", "HEAD")
    (checkout / "csrc" / "a.cpp").write_text("int b;\n", encoding="utf-8")
    git(checkout, "commit", "--quiet", "--all", "--message", "second")
    git(checkout, "replace", first, "HEAD")
    git(checkout, "reset", "--quiet", "--soft", first)
    assert find_origin(checkout, run).changes == ("csrc/a.cpp is not the commit's",)


def test_a_checkout_whose_own_repository_is_broken_is_not_the_one_around_it(checkout: Path) -> None:
    (checkout / "inner" / ".git").mkdir(parents=True)
    assert "git does not answer" in (find_origin(checkout / "inner", run).sentence or "")


def test_what_git_says_beside_its_answer_is_no_commit(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    origin = find_origin(checkout, FakeRunner(lambda _: (0, f"{commit}\nwarning: the index is slow\n")))
    assert origin.commit == commit


def test_what_no_build_takes_leaves_it_clean(checkout: Path) -> None:
    for name in ("build/lane/a.o", "python/warpwright/__pycache__/a.pyc", "notes.txt", "dist/a.whl"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).touch()
    assert find_origin(checkout, run).sentence is None


def test_a_folder_without_a_checkout_has_no_commit(tmp_path: Path) -> None:
    origin = find_origin(tmp_path, run)
    assert origin.name is None
    assert origin.sentence == f"the proof will name no commit: {tmp_path} is no git checkout"
    with pytest.raises(ProvenanceError, match="is no git checkout"):
        require_known(origin)


def test_the_commit_of_a_checkout_around_the_project_is_not_its_own(checkout: Path) -> None:
    (checkout / "inner").mkdir()
    assert find_origin(checkout / "inner", run).name is None


def test_git_that_does_not_answer_is_an_error_for_a_release_and_a_sentence_otherwise(checkout: Path) -> None:
    words = "fatal: detected dubious ownership in repository at '/x'"
    origin = find_origin(checkout, FakeRunner(lambda _: (128, words)))
    assert origin.sentence == f"the proof will name no commit: git does not answer: {words}"
    with pytest.raises(ProvenanceError, match="dubious ownership") as caught:
        require_known(origin)
    assert "safe.directory" in caught.value.fix


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a checkout to another user")
def test_a_checkout_of_another_user_says_so(checkout: Path) -> None:
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    assert "dubious ownership" in (find_origin(checkout, run).sentence or "")


def test_a_machine_without_git_says_so(checkout: Path) -> None:
    def without(_: object, **__: object) -> object:
        return run(["no-such-git"])

    assert "No such file or directory: 'no-such-git'" in (find_origin(checkout, without).sentence or "")  # type: ignore[arg-type]


def test_an_empty_repository_has_no_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert "git does not answer" in (find_origin(tmp_path, run).sentence or "")


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY"])
def test_a_variable_of_the_shell_leads_git_nowhere_else(
    variable: str, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = find_origin(checkout, run)
    monkeypatch.setenv(variable, "/nowhere")
    assert find_origin(checkout, run) == expected


def test_a_file_that_a_build_has_left_out_makes_the_wheel_dirty(maker: WheelMaker, tmp_path: Path) -> None:
    wheel = read_wheel(maker.make(tmp_path))
    whole = Origin("0" * 40, package=frozenset({"warpwright/_build.json"}))
    assert with_contents(whole, wheel).sentence is None
    lacking = with_contents(Origin("0" * 40, package=frozenset({"warpwright/py.typed"})), wheel)
    assert lacking.changes == ("warpwright/py.typed is in the commit and not in the wheel",)
