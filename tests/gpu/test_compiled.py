"""torch.compile, torch.export and gradients on the GPU."""

from compiled import *  # noqa: F403
