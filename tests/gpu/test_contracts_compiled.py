"""Every contract under torch.compile and torch.export, and its gradients, on a GPU."""

from contracts.compiled import *  # noqa: F403
