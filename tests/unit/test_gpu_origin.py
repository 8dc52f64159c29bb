"""A JIT lane's wheel proves something of another wheel only where both build proofs name one and the same commit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gpu_runner.errors import RunnerError
from gpu_runner.jobs import plan_jobs
from gpu_stand_in import Stand
from wheelworks.proof import ProofKind, proof_path


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def test_a_jit_wheel_of_another_commit_is_refused(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    wheel, _ = stand.wheel(), stand.wheel(".jit80", commit="b" * 40)
    assert stand.main(wheel) == 2
    assert f"is of commit {'b' * 40}, {wheel.name} of {'a' * 40}" in (printed := capsys.readouterr().err)
    assert "build both from one commit" in printed


@pytest.mark.parametrize(
    "commit", [None, "None", "unknown", "", f"{'a' * 40}-dirty", "a" * 39, "A" * 40], ids=repr
)  # fmt: skip
def test_two_wheels_of_the_same_unknown_commit_prove_nothing_of_each_other(commit: str | None, stand: Stand) -> None:
    wheel, _ = stand.wheel(commit=commit), stand.wheel(".jit80", commit=commit)
    with pytest.raises(RunnerError, match=rf"{commit!r}, expected 40 hex digits.*Build the wheels from one commit"):
        plan_jobs(wheel, None)


@pytest.mark.parametrize("which", [0, 1], ids=["wheel", "JIT wheel"])
def test_a_build_proof_of_other_bytes_says_nothing_of_a_wheel(which: int, stand: Stand) -> None:
    wheels = stand.wheel(), stand.wheel(".jit80")
    path = proof_path(wheels[which], ProofKind.BUILD)
    proof = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**proof, "sha256": "0" * 64}), encoding="utf-8")
    with pytest.raises(RunnerError, match=rf"it is of sha256 {'0' * 64}, and .* has [0-9a-f]{{64}}; bring the proofs"):
        plan_jobs(wheels[0], None)


@pytest.mark.parametrize("text", [None, "", "[]"], ids=["missing", "empty", "no object"])
def test_a_wheel_without_a_build_proof_takes_no_part(text: str | None, stand: Stand) -> None:
    wheel, jit = stand.wheel(), stand.wheel(".jit80")
    path = proof_path(jit, ProofKind.BUILD)
    path.unlink() if text is None else path.write_text(text, encoding="utf-8")
    with pytest.raises(RunnerError, match=r"nothing says what|is no build proof"):
        plan_jobs(wheel, None)


def test_a_wheel_alone_needs_no_commit(stand: Stand) -> None:
    assert [job.path for job in plan_jobs(stand.wheel(commit=None), None)] == ["own"]
    assert [job.path for job in plan_jobs(stand.wheel(".jit80", commit=None), None)] == ["80"]


def test_two_wheels_of_one_path_are_refused(stand: Stand) -> None:
    wheel, jit = stand.wheel(), stand.wheel(".jit80")
    with pytest.raises(RunnerError, match="2 wheels are of path 80.*name one of them with --jit"):
        plan_jobs(wheel, [jit, jit])


def test_a_jit_wheel_of_another_architecture_is_left_alone(stand: Stand) -> None:
    both = [f"manylinux_2_24_{cpu}.manylinux_2_28_{cpu}" for cpu in ("x86_64", "aarch64")]
    tags = [f"cp310-abi3-{platform}" for platform in (both[0], "manylinux_2_28_x86_64", both[1])]
    wheel, own, _ = stand.wheel(tag=tags[0]), stand.wheel(".jit80", tag=tags[1]), stand.wheel(".jit80", tag=tags[2])
    assert [job.wheel for job in plan_jobs(wheel, None)] == [wheel, own]
