"""Sampling by the references of the CPU: distributions, batches, seeds and generators."""

from __future__ import annotations

from drawing import *  # noqa: F403
