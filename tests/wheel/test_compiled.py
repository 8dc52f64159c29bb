"""torch.compile, torch.export and gradients on the CPU."""

from compiled import *  # noqa: F403
