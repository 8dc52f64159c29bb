"""Gradients where buffers, views, modules and transforms are in play, on the device of this suite."""

from gradients import *  # noqa: F403
