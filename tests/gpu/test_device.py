"""What the doctor says of this GPU, and a device that goes on after a refusal."""

from __future__ import annotations

import pytest
import torch

import warpwright
from warpwright import _extension, doctor


def test_the_doctor_names_a_path_for_this_gpu() -> None:
    sm = doctor.device_sm(0)
    paths = [doctor.chosen_path(sms, sm, None) for sms in _extension.compiled_paths().values()]
    assert any(paths)
    assert doctor.verdict() is None


@pytest.mark.operator("rmsnorm")
def test_a_wrong_argument_leaves_the_device_usable() -> None:
    with pytest.raises(RuntimeError):
        warpwright.rmsnorm(torch.zeros(1, 8, device="cuda"), torch.zeros(8, device="cuda"))
    x = torch.randn(2, 64, device="cuda").half()
    assert warpwright.rmsnorm(x, torch.ones(64, device="cuda").half()).isfinite().all()
