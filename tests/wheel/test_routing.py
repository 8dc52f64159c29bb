"""Routing by the references of the CPU: the order of near logits."""

from __future__ import annotations

from routing import *  # noqa: F403
