"""The doctor: what keeps this wheel from running on this machine, each cause in one sentence with what mends it.

Importing it imports no torch: it has to run where torch is missing or broken. `python -m warpwright` (`program`) looks
from outside, with a child process for what may fail, hang or die (`look`, `child`, `probe`), tells causes from facts
(`causes`) and writes them (`report`, `document`). The names below answer for a process that has loaded torch and the
extension.
"""

from warpwright.doctor.machine import Machine, device_sm, diagnose, verdict
from warpwright.doctor.sm_path import chosen_path

__all__ = ["Machine", "chosen_path", "device_sm", "diagnose", "verdict"]
