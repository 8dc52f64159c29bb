"""What the doctor says of this GPU, and a device that goes on after a refusal."""

from __future__ import annotations

import pytest
import torch

import warpwright
from warpwright import _extension, doctor, utils


def test_the_doctor_names_a_path_for_this_gpu() -> None:
    sm = doctor.device_sm(0)
    paths = [doctor.chosen_path(sms, sm, None) for sms in _extension.compiled_paths().values()]
    assert any(paths)
    assert doctor.verdict() is None


@pytest.mark.operator("rmsnorm")
def test_a_wrong_argument_leaves_the_device_usable() -> None:
    with pytest.raises(RuntimeError):
        warpwright.rmsnorm(torch.zeros(1, 8, device="cuda"), torch.zeros(9, device="cuda"))
    x = torch.randn(2, 64, device="cuda").half()
    assert warpwright.rmsnorm(x, torch.ones(64, device="cuda").half()).isfinite().all()


def test_what_callers_ask_of_a_device_is_what_torch_says() -> None:
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        assert utils.get_cuda_stream() == stream.cuda_stream
    assert utils.is_arch_support_pdl() == (torch.cuda.get_device_capability() >= (9, 0))
