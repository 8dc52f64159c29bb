"""Every contract under torch.compile and torch.export, and its gradients, on the CPU."""

from contracts.compiled import *  # noqa: F403
