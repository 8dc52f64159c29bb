"""A process that was forked: right where CUDA was not started before, and told what to do where it was."""

from __future__ import annotations

import pytest

from process import in_a_process_of_its_own


def fork(before: str) -> dict[str, object]:
    """Fork a process after some lines; return what the child says of a call of its own."""
    return in_a_process_of_its_own(f"""
    import os, signal
    {before}
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            x, weight, y = (x, weight, y) if "x" in globals() else (*problem(), None)
            y = warpwright.rmsnorm(x, weight, out=y)
            outcome = "right" if right(x, weight, y) else "wrong"
        except RuntimeError as error:
            outcome = str(error)
        os.write(write, outcome.encode())
        os._exit(0)
    os.close(write)
    said = b""
    while part := os.read(read, 4096):
        said += part
    _, status = os.waitpid(child, 0)
    print(json.dumps({{"said": said.decode(), "status": status}}))
    sys.stdout.flush(); os._exit(0)
    """)


@pytest.mark.operator("rmsnorm")
@pytest.mark.parametrize(
    "before",
    [
        "x, weight = problem(); y = warpwright.rmsnorm(x, weight); torch.cuda.synchronize()",
        "x, weight = problem(); y = torch.empty_like(x); torch.cuda.synchronize()",
    ],
    ids=["by-this-library", "by-torch"],
)
def test_a_process_that_was_forked_after_cuda_was_started_is_told_so(before: str) -> None:
    answer = fork(before)
    assert answer["status"] == 0, answer
    assert "a process that was forked after CUDA was started cannot use it" in str(answer["said"]), answer


@pytest.mark.operator("rmsnorm")
def test_a_process_that_was_forked_before_cuda_was_started_is_right() -> None:
    assert fork("pass") == {"said": "right", "status": 0}
